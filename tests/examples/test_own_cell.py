"""The example of the README: a cell of one's own, in a kernel, learns."""

import runpy
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_cell.py"


def test_a_cell_of_ones_own_runs_in_a_kernel_and_learns(capsys: pytest.CaptureFixture[str]) -> None:
    example = runpy.run_path(str(EXAMPLE))
    before, after = example["main"](rounds=500)
    assert "cpu: two_speeds in torch.float32 runs in a compiled kernel" in capsys.readouterr().out
    assert after < before / 10
