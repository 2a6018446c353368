"""Dropout between layers, as in torch: in training only, never behind the last layer."""

from __future__ import annotations

import torch

import cellwright as cw
from tests.layers.pairs import INPUTS, UNITS, pair


def test_in_evaluation_it_does_nothing() -> None:
    theirs, ours = pair("lstm", num_layers=3, dropout=0.5, bidirectional=True)
    x = torch.randn(6, 3, INPUTS).double()
    found, expected = ours.eval()(x)[0], theirs.eval()(x)[0]
    assert torch.allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_in_training_it_changes_the_result_from_call_to_call() -> None:
    _, ours = pair("lstm", num_layers=2, dropout=0.5)
    x = torch.randn(6, 3, INPUTS).double()
    assert not torch.equal(ours(x)[0], ours(x)[0])
    ours.eval()
    assert torch.equal(ours(x)[0], ours(x)[0])


def test_the_same_seed_drops_the_same() -> None:
    _, ours = pair("gru", num_layers=2, dropout=0.5)
    x = torch.randn(6, 3, INPUTS).double()
    torch.manual_seed(5)
    first, _ = ours(x)
    torch.manual_seed(5)
    assert torch.equal(ours(x)[0], first)


def test_the_same_seed_drops_the_same_as_the_reference() -> None:
    _, ours = pair("lstm", num_layers=3, dropout=0.5)
    x = torch.randn(6, 3, INPUTS).double()
    torch.manual_seed(5)
    found, _ = ours(x)
    torch.manual_seed(5)
    with cw.backend("reference"):
        expected, _ = ours(x)
    assert torch.allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_one_layer_has_nothing_to_drop() -> None:
    _, ours = pair("lstm")
    ours.dropout = 0.9
    x = torch.randn(6, 3, INPUTS).double()
    assert torch.equal(ours(x)[0], ours.eval()(x)[0])


def test_dropping_everything_leaves_the_next_layer_without_input() -> None:
    _, ours = pair("lstm", num_layers=2, dropout=1.0)
    second = cw.LSTM(UNITS, UNITS, dtype=torch.float64)
    second.load_state_dict({name.replace("l1", "l0"): each for name, each in ours.state_dict().items() if "l1" in name})
    y, _ = ours(torch.randn(6, 3, INPUTS).double())
    assert torch.equal(y, second(torch.zeros(6, 3, UNITS).double())[0])
    assert bool((y != 0).all())


def test_what_is_kept_is_scaled_up() -> None:
    torch.manual_seed(0)
    ours = cw.RNN(1, 1000, num_layers=2, dropout=0.75, nonlinearity="relu", bias=False)
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.zero_()
        ours.weight_ih_l0.fill_(1.0)
        ours.weight_ih_l1.copy_(torch.eye(1000))
        y, _ = ours(torch.ones(1, 1, 1))
    assert set(y.unique().tolist()) == {0.0, 4.0}
    assert 200 <= int((y > 0).sum()) <= 300


def test_gradients_go_through_what_was_kept_only() -> None:
    torch.manual_seed(0)
    ours = cw.RNN(1, 50, num_layers=2, dropout=0.5, nonlinearity="relu", bias=False)
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.zero_()
        ours.weight_ih_l0.fill_(1.0)
        ours.weight_ih_l1.copy_(torch.eye(50))
    y, _ = ours(torch.ones(1, 1, 1))
    y.sum().backward()
    assert torch.equal(ours.weight_ih_l0.grad[:, 0] != 0, y[0, 0] > 0)
