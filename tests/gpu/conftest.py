"""These tests need a GPU, or `TRITON_INTERPRET=1`, with which Triton runs its kernels on the CPU."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
import torch

if importlib.util.find_spec("triton") is None or not (
    torch.cuda.is_available() or os.environ.get("TRITON_INTERPRET") == "1"
):
    collect_ignore_glob = ["test_*.py"]
elif not torch.cuda.is_available():
    collect_ignore_glob = ["test_gpu_precision.py", "test_gpu_theirs.py", "test_gpu_training.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Units that do not exist are computed with zeros, of which the interpreter warns; nothing of them is stored."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            for what in ("invalid value", "divide by zero", "overflow"):
                item.add_marker(pytest.mark.filterwarnings(f"ignore:{what} encountered:RuntimeWarning"))
