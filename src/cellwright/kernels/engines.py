"""The kernels there are, and which of them runs on a device."""

from __future__ import annotations

import importlib.util
import os
from functools import cache
from types import ModuleType
from typing import Any

import torch

from ..cells import Cell
from . import cpu, gpu
from .program import Untraceable

OLDEST_TRITON = (3, 6)


def name_for(device: str) -> str:
    """Which kernel runs where the data are. Where Triton interprets its kernels, the GPU's runs on the CPU, slowly."""
    return "gpu" if device == "cuda" or is_interpreted() else "cpu"


@cache
def is_interpreted() -> bool:
    """Whether Triton interprets its kernels in this process."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def engine_for(device: str) -> ModuleType:
    """The same, as the module: `kernel_of`, `saved_shapes`, `forward`, `backward`."""
    return gpu if name_for(device) == "gpu" else cpu


def obstacle_of(
    cell: Cell, device: str, dtype: torch.dtype, differentiate: bool, watch: bool, projected: bool = False
) -> str | None:
    """Why a cell cannot stand in the kernel of a device; None if it can."""
    return found_obstacle(engine_for(device), cell, dtype, differentiate, watch, projected)


@cache
def found_obstacle(engine: ModuleType, cell: Cell, *options: Any) -> str | None:
    """The same for a kernel, asked once."""
    try:
        engine.kernel_of(cell, *options)
    except Untraceable as error:
        return f"the cell {cell.name} cannot stand in a kernel: {error}"
    return None


@cache
def obstacle_to_triton() -> str | None:
    """Why Triton cannot compile the GPU kernel; None if it can."""
    if importlib.util.find_spec("triton") is None:
        return "Triton, which compiles the GPU kernel, is not installed"
    import triton

    if tuple(map(int, triton.__version__.split(".")[:2])) < OLDEST_TRITON:
        return f"the GPU kernel needs Triton {'.'.join(map(str, OLDEST_TRITON))}, and this is {triton.__version__}"
    return None
