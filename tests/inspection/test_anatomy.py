"""Taking a step apart: the functions of gates, and what of a state is kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

import cellwright as cw
from cellwright.inspection.anatomy import FUNCTIONS, dissect
from cellwright.inspection.opened import functions, opened

KEPT = {
    "lstm": {"c": "f"},
    "original": {"c": "1"},
    "peephole": {"c": "f"},
    "coupled": {"c": "f"},
    "no_input_gate": {"c": "f"},
    "no_output_gate": {"c": "f"},
    "no_input_activation": {"c": "f"},
    "no_output_activation": {"c": "f"},
    "ltm_stm": {"c": "f"},
    "hard": {"c": "f"},
    "layer_norm": {"c": "f"},
    "slstm": {"c": "f", "n": "f"},
    "forget_only": {"h": "f"},
    "rnn": {},
    "rnn_relu": {},
    "gru": {"h": "z"},
}


def arguments(cell: cw.Cell) -> list[list[Tensor]]:
    generator = torch.Generator().manual_seed(0)

    def drawn(count: int) -> list[Tensor]:
        return [torch.randn(5, 4, generator=generator, dtype=torch.float64) for _ in range(count)]

    x, r, s = drawn(len(cell.gates)), drawn(len(cell.gates)), drawn(len(cell.state))
    return [x, r, [each.abs() for each in s], [each[0] for each in drawn(len(cell.vectors))]]


@pytest.mark.parametrize("name", list(cw.cells))
def test_what_is_kept_of_each_state(name: str) -> None:
    cell = cw.cells[name]
    anatomy = dissect(cell, *arguments(cell))
    for state in cell.state:
        gate = KEPT[name].get(state, "0")
        if (name, state) == ("slstm", "m"):  # the larger of two: of the old one the sum, where that is it
            assert torch.equal(anatomy.kept["m"], (anatomy.signals["f"] == 1).double())
            continue
        expected = anatomy.signals[gate] if gate.isalpha() else torch.full((5, 4), float(gate), dtype=torch.float64)
        assert torch.equal(anatomy.kept[state], expected)
        assert torch.allclose(anatomy.log_kept(state), expected.log(), rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", list(cw.cells))
def test_the_parts_are_those_of_the_cell(name: str) -> None:
    cell = cw.cells[name]
    given = arguments(cell)
    anatomy, plain = dissect(cell, *given), cell(*given)
    assert anatomy.signals.keys() == plain.keys()
    for signal, value in plain.items():
        assert torch.equal(anatomy.signals[signal], value)
    for signal, (function, z) in anatomy.inner.items():
        assert torch.equal(FUNCTIONS[function](z), plain[signal])


@pytest.mark.parametrize("name", list(cw.cells))
def test_an_opened_cell_gives_z(name: str) -> None:
    cell = cw.cells[name]
    given = arguments(cell)
    anatomy, found = dissect(cell, *given), opened(cell)(*given)
    inner = {signal: each for signal, each in anatomy.inner.items() if signal not in cell.state}
    assert functions(cell) == {signal: function for signal, (function, _) in inner.items()}
    for signal, value in found.items():
        assert torch.equal(value, inner[signal][1] if signal in inner else anatomy.signals[signal])


def test_the_logarithm_is_exact_where_the_gate_is_rounded_to_one() -> None:
    cell = cw.cells["lstm"]
    x, r, s, w = arguments(cell)
    x[1] = torch.full((5, 4), 60.0, dtype=torch.float64)
    r[1] = torch.zeros_like(x[1])
    anatomy = dissect(cell, x, r, s, w)
    assert (anatomy.signals["f"] == 1).all()
    assert torch.allclose(anatomy.log_kept("c"), torch.full((5, 4), -60.0, dtype=torch.float64).exp().neg())


def test_what_zoneout_keeps() -> None:
    layer = cw.LSTM(3, 4, zoneout=(0.2, 0.1), dtype=torch.float64).eval()
    inspection = cw.inspect(layer, torch.randn(6, 3, dtype=torch.float64))
    anatomy = inspection.passes[0].replay(np.arange(6))
    f = torch.from_numpy(inspection.passes[0].signal("f")).double()
    assert torch.allclose(anatomy.kept["c"], 0.1 + 0.9 * f, atol=2e-3)
    assert torch.allclose(anatomy.kept["h"], torch.full((6, 4), 0.2, dtype=torch.float64), atol=1e-6)
