"""Every signal of every step: the same numbers and gradients on the kernel as on the reference."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_sequence

import cellwright as cw
from tests.agreement import TOLERANCE, assert_agree

STEPS, ROWS, INPUTS, UNITS = 9, 6, 5, 19
LENGTHS = torch.tensor([9, 3, 0, 7, 9, 1])
RESET = torch.rand(STEPS, ROWS, generator=torch.Generator().manual_seed(0)) < 0.2


def layer(cell: str = "lstm", dtype: torch.dtype = torch.float64, **options: object) -> cw.Recurrent:
    torch.manual_seed(0)
    return cw.Recurrent(cell, INPUTS, UNITS, dtype=dtype, **options)


def drawn(dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(STEPS, ROWS, INPUTS, dtype=dtype, generator=torch.Generator().manual_seed(1)).requires_grad_()


def everything(module: cw.Recurrent, x: Tensor, backend: str, **options: Tensor) -> dict[str, Tensor]:
    """All signals, and the gradients of a loss that weighs each of them."""
    with cw.backend(backend):
        trace = module.trace(x, **options)
    generator = torch.Generator().manual_seed(2)
    found = {"output": trace.output, **trace}
    loss = torch.zeros((), dtype=x.dtype)
    for value in found.values():
        loss = loss + (value * torch.randn(value.shape, generator=generator, dtype=x.dtype)).sum()
    names, learned = zip(*module.named_parameters(), strict=True)
    gradients = torch.autograd.grad(loss, [x, *learned])
    found |= {f"gradient of {name}": each for name, each in zip(("x", *names), gradients, strict=True)}
    return {name: value.detach() for name, value in found.items()}


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "slstm"])
def test_agrees_with_the_reference(cell: str, dtype: torch.dtype) -> None:
    module, x = layer(cell, dtype, num_layers=2, bidirectional=True), drawn(dtype)
    for options in ({}, {"lengths": LENGTHS, "reset": RESET}):
        ours, theirs = (everything(module, x, backend, **options) for backend in ("cpu", "reference"))
        assert_agree(ours, theirs, TOLERANCE[dtype])


@pytest.mark.parametrize("cell", [name for name in cw.cells if name not in ("lstm", "gru", "rnn", "slstm")])
def test_every_other_cell_in_double_precision(cell: str) -> None:
    module, x = layer(cell), drawn()
    assert_agree(everything(module, x, "cpu"), everything(module, x, "reference"), TOLERANCE[torch.float64])


def test_the_names_are_those_of_the_cell() -> None:
    for name, cell in cw.cells.items():
        with cw.backend("reference"):
            assert tuple(layer(name).trace(drawn())) == cell.signals


def test_nothing_else_changes() -> None:
    module, x = layer(num_layers=2), drawn()
    output, state = module(x)
    trace = module.trace(x)
    assert torch.equal(trace.output, output)
    assert all(map(torch.equal, trace.state, state))
    assert torch.equal(trace["h"][:, :, 1], output)
    assert torch.equal(trace["c"][-1].transpose(0, 1), state[1])


def test_the_equations_hold_for_what_is_seen() -> None:
    trace = layer().trace(drawn())
    before = torch.cat([torch.zeros_like(trace["c"][:1]), trace["c"][:-1]])
    assert torch.allclose(trace["c"], trace["f"] * before + trace["i"] * trace["g"])
    assert torch.allclose(trace["h"], trace["o"] * torch.tanh(trace["c"]))


def test_without_gradients() -> None:
    module, x = layer(), drawn()
    expected = module.trace(x)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            trace = module.trace(x)
        assert not trace["f"].requires_grad
        assert all(torch.equal(trace[name], expected[name]) for name in expected)


def test_the_layout_is_that_of_the_input() -> None:
    module, x = layer(bidirectional=True), drawn()
    expected = module.trace(x)["f"]
    assert expected.shape == (STEPS, ROWS, 2, UNITS)
    first = layer(bidirectional=True, batch_first=True)
    assert torch.equal(first.trace(x.transpose(0, 1))["f"], expected.transpose(0, 1))
    assert torch.allclose(module.trace(x[:, 0])["f"], expected[:, 0])


def test_signals_are_handed_out_where_the_kernel_has_written_them() -> None:
    lstm = cw.LSTM(3, 37, bidirectional=True)
    with torch.no_grad():
        seen = lstm.trace(torch.randn(6, 2, 3))
    of_gates = {seen[name].untyped_storage().data_ptr() for name in ("i", "f", "g", "o")}
    assert len(of_gates) == 1


def test_signals_behind_the_end_are_zero() -> None:
    for backend in ("cpu", "reference"):
        with cw.backend(backend):
            trace = layer().trace(drawn(), lengths=LENGTHS)
        ended = torch.arange(STEPS)[:, None] >= LENGTHS
        assert all(bool((value[ended] == 0).all()) for value in trace.values())


def test_a_loss_on_one_signal_alone() -> None:
    module, x = layer(), drawn()
    results = []
    for backend in ("cpu", "reference"):
        with cw.backend(backend):
            results.append(torch.autograd.grad(module.trace(x)["f"].square().sum(), [x, *module.parameters()]))
    for one, other in zip(*results, strict=True):
        assert torch.allclose(one, other, atol=1e-10)


def test_an_unknown_signal_gets_the_nearest_name() -> None:
    trace = layer("ltm_stm").trace(drawn())
    with pytest.raises(cw.InputError, match="no signal 'forget'; known: 'n', 'i', 'f', 'u', 'v', 'c', 'h'"):
        trace["forget"]
    assert "forget" not in trace
    assert len(trace) == 7


def test_a_packed_sequence_is_refused() -> None:
    with pytest.raises(cw.InputError, match="pass lengths="):
        layer().trace(pack_sequence([torch.zeros(3, INPUTS)]))


def only_states(x: Any, r: Any, s: Any, w: Any) -> dict[str, Tensor]:
    c = (x.f + r.f).sigmoid() * s.c + (x.i + r.i).sigmoid() * (x.g + r.g).tanh()
    return dict(c=c, h=(x.o + r.o).sigmoid() * c.tanh())


def test_gradients_reach_the_states_of_a_cell_that_shows_nothing_else() -> None:
    torch.manual_seed(0)
    cell = cw.Cell(only_states, "only_states", ("i", "f", "g", "o"), ("h", "c"), {})
    module, x = cw.Recurrent(cell, 3, 4).double(), torch.randn(5, 2, 3).double()
    found = []
    for backend in ("cpu", "reference"):
        with cw.backend(backend):
            found.append(torch.autograd.grad(module.trace(x)["c"].square().sum(), module.weight_ih_l0)[0])
    assert float(found[1].abs().sum()) > 1
    assert torch.allclose(*found)
