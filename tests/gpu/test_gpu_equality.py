"""The GPU kernel equals the reference: outputs, states and every gradient."""

from __future__ import annotations

import pytest
import torch

import cellwright as cw
from cellwright.kernels import gpu_launch
from tests.agreement import TOLERANCE
from tests.gpu.gpu_agreement import DEVICE, EVERYWHERE, LONG, LONGEST, compared
from tests.kernels.test_equality import CELLS


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_every_cell(cell: cw.Cell, dtype: torch.dtype) -> None:
    steps = LONGEST if dtype == torch.float64 else min(LONG, 100)  # what float32 rounds adds up over the steps
    compared(cell, steps, dtype=dtype)
    compared(cell, min(LONG, 100), directions=2, dtype=dtype, bias=False, ragged=True, resets=True)


@pytest.mark.parametrize("way", EVERYWHERE)
@pytest.mark.parametrize("cell", ["lstm", "gru", "peephole", "slstm", "layer_norm"])
def test_every_way_to_share_the_units(cell: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in EVERYWHERE[way].items():
        monkeypatch.setattr(gpu_launch, name, value)
    compared(cw.cells[cell], units=37)
    compared(cw.cells[cell], units=37, directions=2, ragged=True, resets=True)


@pytest.mark.parametrize("units", [1, 2, 15, 16, 17, 33])
@pytest.mark.parametrize("rows", [1, 16, 33])
def test_every_size(units: int, rows: int) -> None:
    compared(cw.cells["lstm"], rows=rows, units=units)


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_few_steps(steps: int) -> None:
    compared(cw.cells["lstm"], steps=steps, directions=2)
    compared(cw.cells["gru"], steps=steps, ragged=True, resets=True)


def test_what_stands_in_padding_is_not_read() -> None:
    torch.manual_seed(0)
    lstm = cw.LSTM(3, 5, bidirectional=True, device=DEVICE)
    x, lengths = torch.randn(LONG, 3, 3, device=DEVICE), torch.tensor([2, LONG, 0])
    torn = x.clone()
    for row, length in enumerate(lengths):
        torn[length:, row] = torch.nan
    with cw.backend("gpu"):
        expected, found = (lstm(each.requires_grad_(), lengths=lengths)[0] for each in (x, torn))
        assert torch.equal(found, expected)
        found.sum().backward()
    assert torn.grad is not None
    assert bool(torn.grad.isfinite().all())


@pytest.mark.parametrize("way", EVERYWHERE)
def test_what_is_not_a_number_stays_in_its_row(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in EVERYWHERE[way].items():
        monkeypatch.setattr(gpu_launch, name, value)
    torch.manual_seed(0)
    lstm, x = cw.LSTM(3, 37, device=DEVICE), torch.randn(LONG, 3, 3, device=DEVICE)
    first = torch.zeros(1, 3, 37, device=DEVICE)
    torn, state = x.clone(), first.clone()
    torn[1, 1] = torch.nan
    state[0, 2, 36] = torch.nan
    with cw.backend("gpu"):
        expected, found = (
            lstm(given.requires_grad_(), (begun, first))[0] for given, begun in ((x, first), (torn, state))
        )
        assert torch.equal(found[:, 0], expected[:, 0])
        assert bool(found[2:, 1:].isnan().all())
        found.sum().backward()
    assert torn.grad is not None
    assert bool(torn.grad[:, 0].isfinite().all())
    assert bool(torn.grad[:, 2].isnan().all())


def test_a_row_has_the_same_bits_alone_and_beside_others() -> None:
    torch.manual_seed(0)
    lstm, x = cw.LSTM(3, 21, device=DEVICE), torch.randn(LONG, 19, 3, device=DEVICE)
    with cw.backend("gpu"), torch.no_grad():
        together = lstm(x)[0]
        assert torch.equal(lstm(x[:, 17:18])[0], together[:, 17:18])
        assert torch.equal(lstm(x)[0], together)
