"""The traced program: what is computed, what is kept for backward, and what is left out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import cellwright as cw
from cellwright.kernels.program import trace

SAVED = {"lstm": ("i", "f", "g", "o"), "gru": ("r_n", "r", "z", "n"), "rnn": (), "rnn_relu": ()}


@pytest.mark.parametrize("name", SAVED)
def test_what_is_kept_for_backward(name: str) -> None:
    assert trace(cw.cells[name], True).saved == SAVED[name]


@pytest.mark.parametrize("name", cw.cells)
def test_nothing_is_kept_for_inference(name: str) -> None:
    program = trace(cw.cells[name], False)
    assert program.saved == ()
    assert program.backward == ()
    assert not program.gradients


@pytest.mark.parametrize("name", cw.cells)
def test_inference_and_training_compute_alike(name: str) -> None:
    one, other = trace(cw.cells[name], False), trace(cw.cells[name], True)
    assert one.forward == other.forward
    assert one.state == other.state


def test_the_forward_program_of_the_lstm() -> None:
    program = trace(cw.cells["lstm"], False)
    assert program.states == ("h", "c")
    assert program.state == {"h": "h", "c": "c"}
    named = {node.name: (node.operator, node.arguments) for node in program.forward}
    gates = {name: named[name][0] for name in "ifgo"}
    assert gates == {"i": "sigmoid", "f": "sigmoid", "g": "tanh", "o": "sigmoid"}
    assert named[named["f"][1][0]] == ("add", ("x_f", "r_f"))
    assert len(program.forward) == 13


@pytest.mark.parametrize(("name", "apart"), [("lstm", False), ("rnn", False), ("gru", True)])
def test_only_contributions_used_apart_have_gradients_apart(name: str, apart: bool) -> None:
    assert trace(cw.cells[name], True).apart is apart


def test_every_contribution_state_and_vector_has_a_gradient() -> None:
    @cw.cell(gates="a b", state="h m", vectors="p")
    def some(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
        m = s.m + torch.tanh(x.a + r.a) * w.p
        return dict(m=m, h=torch.sigmoid(x.b) * m)

    gradients = trace(some, True).gradients
    assert list(gradients) == ["x_a", "x_b", "r_a", "r_b", "s_h", "s_m", "w_p"]
    assert gradients["r_b"] == 0.0
    assert gradients["s_h"] == 0.0


def test_what_no_state_needs_is_left_out() -> None:
    @cw.cell(gates="a")
    def wasteful(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
        shown = torch.log1p(torch.exp(x.a))
        return dict(shown=shown, h=torch.tanh(x.a + r.a))

    program = trace(wasteful, True)
    assert [node.operator for node in program.forward] == ["add", "tanh"]
    assert program.saved == ()


def test_what_follows_from_the_states_is_computed_again() -> None:
    @cw.cell(gates="a", state="h m")
    def chained(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
        m = torch.tanh(x.a + r.a) + torch.exp(-(s.m**2))
        return dict(m=m, h=torch.sigmoid(m) * torch.tanh(m))

    program = trace(chained, True)
    assert len(program.saved) == 1
    assert {"exp", "tanh"} <= {node.operator for node in program.backward}
