"""Calls on the GPU kernel and on the reference, compared."""

from __future__ import annotations

import torch

import cellwright as cw
from cellwright.kernels import gpu_launch
from tests.agreement import TOLERANCE, assert_agree, everything, made_weights

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
LONG, LONGEST = (200, 1000) if DEVICE == "cuda" else (5, 5)  # steps
ROWS = 18 if DEVICE == "cuda" else 9  # one more than a program takes, or two programs
NOTHING, ANYTHING = (dict.fromkeys(gpu_launch.KEPT, many) for many in (0, 1 << 16))
EVERYWHERE = {
    "stash": {"KEPT": ANYTHING},
    "stream": {"KEPT": NOTHING, "processors_of": lambda device: 0},
    "turn by turn": {"KEPT": NOTHING, "SHARED": 16, "WIDEST": 0, "processors_of": lambda device: 0},
    # The interpreter runs one program after the other: none may wait for another.
    "together": {"KEPT": NOTHING, "SHARED": 16 if DEVICE == "cuda" else 64, "processors_of": lambda device: 99},
}
"""How the kernel may go about a layer, and what makes it do so for one of a few units."""


def compared(
    cell: cw.Cell,
    steps: int = LONG,
    rows: int = ROWS,
    units: int = 21,
    directions: int = 1,
    dtype: torch.dtype = torch.float64,
    bias: bool = True,
    ragged: bool = False,
    resets: bool = False,
) -> None:
    """Run both backends on drawn data and compare."""
    torch.manual_seed(steps + rows + units)
    with torch.device(DEVICE):
        x = torch.randn(steps, rows, 3, dtype=dtype).requires_grad_()
        state = [torch.randn(directions, rows, units, dtype=dtype).requires_grad_() for _ in cell.state]
        weights = [made_weights(cell, 3, units, bias, dtype) for _ in range(directions)]
        lengths = torch.randint(0, steps + 1, (rows,)) if ragged else None
        reset = torch.rand(steps, rows) < 0.2 if resets else None
    results = [everything(cell, x, state, weights, each, lengths, reset) for each in ("gpu", "reference")]
    assert_agree(*results, TOLERANCE[dtype])
