"""What a cell learns: the table of dimensions, the number of parameters, the start of its vectors."""

from __future__ import annotations

from math import exp, tanh

import pytest
import torch
from torch import Tensor, nn

import cellwright as cw


@cw.cell(gates="f g", state="h", vectors={"decay": 0.9, "gain": 2.0})
def leaky(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
    """A learned decay, by nobody (1999)."""
    return dict(h=torch.sigmoid(x.f + r.f) * w.decay * s.h + w.gain * torch.tanh(x.g + r.g))


@cw.cell(gates="a", vectors="drawn")
def drawing(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
    return dict(h=torch.tanh(x.a + r.a + w.drawn))


@pytest.mark.parametrize(("name", "gates"), [("lstm", "ifgo"), ("rnn", "h"), ("gru", "rzn")])
def test_every_gate_has_two_matrices_and_two_biases(name: str, gates: str) -> None:
    rows = {row.name: row.shape for row in cw.cells[name].dimensions(80, 12)}
    expected = {}
    for gate in gates:
        expected |= {f"W_{gate}": (12, 80), f"R_{gate}": (12, 12), f"b_{gate}": (12,), f"b'_{gate}": (12,)}
    assert rows == expected


def test_each_weight_says_what_it_does() -> None:
    words = [row.what for row in cw.cells["rnn"].dimensions(80, 12)]
    assert words == [
        "feed-forward weights of h",
        "recurrent weights of h",
        "feed-forward bias of h",
        "recurrent bias of h",
    ]


@pytest.mark.parametrize(
    ("name", "theirs", "count"), [("lstm", nn.LSTM, 4512), ("rnn", nn.RNN, 1128), ("gru", nn.GRU, 3384)]
)
def test_the_number_of_parameters_is_that_of_torch(name: str, theirs: type[nn.RNNBase], count: int) -> None:
    assert cw.cells[name].parameters(80, 12) == count
    assert sum(each.numel() for each in theirs(80, 12).parameters()) == count
    assert sum(each.numel() for each in cw.Recurrent(name, 80, 12).parameters()) == count


def test_vectors_stand_in_the_table() -> None:
    rows = leaky.dimensions(80, 12)
    assert [(row.name, row.shape) for row in rows[-2:]] == [("decay", (12,)), ("gain", (12,))]
    assert leaky.parameters(80, 12) == 2 * (12 * 80 + 12 * 12 + 2 * 12) + 2 * 12


def test_vectors_begin_with_the_values_of_the_cell() -> None:
    layer = cw.Recurrent(leaky, 3, 5, num_layers=2, bidirectional=True)
    for suffix in ("l0", "l0_reverse", "l1", "l1_reverse"):
        assert torch.equal(layer.get_parameter(f"decay_{suffix}"), torch.full((5,), 0.9))
        assert torch.equal(layer.get_parameter(f"gain_{suffix}"), torch.full((5,), 2.0))


def test_vectors_without_a_value_begin_as_weights_do() -> None:
    torch.manual_seed(0)
    drawn = cw.Recurrent(drawing, 3, 64).get_parameter("drawn_l0").detach()
    assert 0.06 < float(drawn.abs().max()) <= 0.125
    assert float(drawn.std()) > 0.03


def test_summary_description_and_source_come_from_the_docstring() -> None:
    assert cw.cells["gru"].description == "Gated recurrent unit, reset after the product"
    assert cw.cells["rnn"].source == "Elman (1990)"
    assert leaky.source == ""
    assert drawing.summary == ""


def test_signals_are_everything_that_is_returned_in_order() -> None:
    assert cw.cells["lstm"].signals == ("i", "f", "g", "o", "c", "h")
    assert cw.cells["gru"].signals == ("r", "z", "n", "h")


def test_one_step_by_hand() -> None:
    x = [torch.tensor([[each]]) for each in (0.1, -0.2, 0.3, 0.4)]
    r = [torch.tensor([[each]]) for each in (0.5, 0.6, -0.7, 0.8)]
    found = cw.cells["lstm"](x, r, [torch.tensor([[9.0]]), torch.tensor([[-0.5]])])
    i, f, g, o = 1 / (1 + exp(-0.6)), 1 / (1 + exp(-0.4)), tanh(-0.4), 1 / (1 + exp(-1.2))
    c = f * -0.5 + i * g
    assert float(found["c"]) == pytest.approx(c, abs=1e-6)
    assert float(found["h"]) == pytest.approx(o * tanh(c), abs=1e-6)
