"""The README: its Python runs as it stands, from the first line to the last."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import torch

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)


# PyTorch goes through its own deprecated compiler when forward mode is first used.
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_every_block_runs_behind_those_before_it(capsys: pytest.CaptureFixture[str]) -> None:
    known: dict[str, object] = {"__name__": "readme"}
    torch.manual_seed(0)
    for number, block in enumerate(each for each in BLOCKS if 'device="cuda"' not in each):
        exec(compile(block, f"{README.name} block {number}", "exec"), known)
    plt.close("all")
    shown = capsys.readouterr().out.splitlines()
    assert any(line.startswith("cpu: lstm in torch.float32 runs in a compiled kernel") for line in shown)
