"""The drop-ins equal torch's modules: outputs, states and all gradients, whatever the arguments."""

from __future__ import annotations

import pytest
import torch

from tests.agreement import TOLERANCE, assert_agree
from tests.layers.pairs import INPUTS, KINDS, UNITS, assert_structure, drawn_state, everything, pair

STEPS, ROWS = 6, 3


@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_layers_directions_and_bias(kind: str, bias: bool, bidirectional: bool, num_layers: int) -> None:
    theirs, ours = pair(kind, bias=bias, bidirectional=bidirectional, num_layers=num_layers)
    x = torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64).requires_grad_()
    for state in (None, drawn_state(theirs, ROWS)):
        assert_agree(everything(ours, x, state), everything(theirs, x, state), TOLERANCE[torch.float64])


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_single_precision(kind: str, bidirectional: bool, num_layers: int) -> None:
    theirs, ours = pair(kind, torch.float32, bidirectional=bidirectional, num_layers=num_layers)
    x = torch.randn(STEPS, ROWS, INPUTS).requires_grad_()
    state = drawn_state(theirs, ROWS)
    assert_agree(everything(ours, x, state), everything(theirs, x, state), TOLERANCE[torch.float32])


@pytest.mark.parametrize("kind", KINDS)
def test_batch_first(kind: str) -> None:
    theirs, ours = pair(kind, num_layers=2, bidirectional=True, batch_first=True)
    x = torch.randn(ROWS, STEPS, INPUTS, dtype=torch.float64).requires_grad_()
    for state in (None, drawn_state(theirs, ROWS)):
        assert_structure(ours(x, state), theirs(x, state))
        assert_agree(everything(ours, x, state), everything(theirs, x, state), TOLERANCE[torch.float64])


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_single_sequence(kind: str, batch_first: bool) -> None:
    theirs, ours = pair(kind, num_layers=2, bidirectional=True, batch_first=batch_first)
    x = torch.randn(STEPS, INPUTS, dtype=torch.float64).requires_grad_()
    for state in (None, drawn_state(theirs, None)):
        assert_structure(ours(x, state), theirs(x, state))
        assert_agree(everything(ours, x, state), everything(theirs, x, state), TOLERANCE[torch.float64])


@pytest.mark.parametrize("kind", KINDS)
def test_inference(kind: str) -> None:
    theirs, ours = pair(kind, num_layers=2, bidirectional=True)
    x = torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            found, expected = ours(x)[0], theirs(x)[0]
            assert not found.requires_grad
            assert torch.allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_strided_inputs_and_states(kind: str) -> None:
    theirs, ours = pair(kind, num_layers=2)
    wide = torch.randn(INPUTS, ROWS, 2 * STEPS, dtype=torch.float64)
    x = wide[:, :, ::2].permute(2, 1, 0).requires_grad_()
    turned = [torch.randn(ROWS, 2, UNITS).double().transpose(0, 1).requires_grad_() for _ in range(2)]
    state = tuple(turned) if kind == "lstm" else turned[0]
    assert not x.is_contiguous()
    assert not turned[0].is_contiguous()
    assert_agree(everything(ours, x, state), everything(theirs, x, state), TOLERANCE[torch.float64])


@pytest.mark.parametrize("kind", KINDS)
def test_state_dicts_go_both_ways(kind: str) -> None:
    theirs, ours = pair(kind, num_layers=2, bidirectional=True)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.mul_(-0.5)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64)
    assert torch.allclose(ours(x)[0], theirs(x)[0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_are_drawn_as_torch_draws_them(kind: str) -> None:
    their_class, our_class, others = KINDS[kind]
    torch.manual_seed(3)
    theirs = their_class(INPUTS, 40, num_layers=2, bidirectional=True, **others)
    torch.manual_seed(3)
    ours = our_class(INPUTS, 40, num_layers=2, bidirectional=True, **others)
    for (name, one), (same, other) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert name == same
        assert torch.equal(one, other), name


@pytest.mark.parametrize("kind", KINDS)
def test_attributes_of_torch_are_there(kind: str) -> None:
    theirs, ours = pair(kind, num_layers=2, bidirectional=True, batch_first=True, dropout=0.25)
    names = ["input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional"]
    names += {"lstm": ["proj_size"], "gru": []}.get(kind, ["nonlinearity"])
    assert {name: getattr(ours, name) for name in names} == {name: getattr(theirs, name) for name in names}
    shapes = [[tuple(each.shape) for each in some] for some in ours.all_weights]
    assert shapes == [[tuple(each.shape) for each in some] for some in theirs.all_weights]
    ours.flatten_parameters()


@pytest.mark.parametrize("kind", KINDS)
def test_positional_arguments_mean_what_they_mean_in_torch(kind: str) -> None:
    their_class, our_class, _ = KINDS[kind]
    others = ["tanh"] if their_class is torch.nn.RNN else []
    arguments = (INPUTS, 4, 2, *others, False, True, 0.5, True)
    theirs, ours = their_class(*arguments), our_class(*arguments)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert (ours.batch_first, ours.dropout, ours.bidirectional) == (True, 0.5, True)
