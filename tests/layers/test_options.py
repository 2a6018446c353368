"""Zoneout, the kinds of dropout, clipping, first states and what resets bring: against definitions and limits."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import cellwright as cw
from tests.agreement import assert_agree

STEPS, ROWS, INPUTS, UNITS = 6, 4, 3, 5
LENGTHS = torch.tensor([6, 0, 3, 5])
RESET = torch.zeros(STEPS, ROWS, dtype=torch.bool)
RESET[[0, 2, 3, 3], [1, 0, 2, 3]] = True
EVERYTHING: dict[str, Any] = {
    "zoneout": (0.3, 0.2), "recurrent_dropout": 0.3, "candidate_dropout": 0.4, "weight_dropout": 0.2, "cell_clip": 0.1,
    "dropout": 0.3, "locked_dropout": True, "learned_state": True,
}  # fmt: skip


def options_for(cell: cw.Cell) -> dict[str, Any]:
    """Every option that means something for a cell."""
    options = dict(EVERYTHING)
    if not cell.candidate:
        del options["candidate_dropout"]
    if "c" not in cell.state:
        del options["cell_clip"]
        options["zoneout"] = 0.3
    return options


def made(cell: str = "lstm", **options: Any) -> cw.Recurrent:
    torch.manual_seed(0)
    module = cw.Recurrent(cell, INPUTS, UNITS, dtype=torch.float64, **options)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3 if name.endswith("_0") else 0.0)
    return module


def x() -> Tensor:
    return torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def state(module: cw.Recurrent, seed: int) -> Any:
    generator = torch.Generator().manual_seed(seed)
    shape = (module.num_layers * module.directions, ROWS, UNITS)
    drawn = tuple(torch.randn(shape, dtype=torch.float64, generator=generator) for _ in module.cell.state)
    return drawn if len(drawn) > 1 else drawn[0]


def everything(module: cw.Recurrent, backend: str, **options: Any) -> dict[str, Tensor]:
    """Outputs, last states and the gradients of all parameters, from the same masks."""
    torch.manual_seed(3)
    with cw.backend(backend):
        y, last = module(x(), **options)
        results = [y, *((last,) if isinstance(last, Tensor) else last)]
        loss = sum((each * each.detach().cos()).sum() for each in results)
        gradients = torch.autograd.grad(loss, list(module.parameters()))
    names = [name for name, _ in module.named_parameters()]
    return {f"result {n}": each.detach() for n, each in enumerate(results)} | dict(zip(names, gradients, strict=True))


@pytest.mark.parametrize(
    ("cell", "training"), [*((cell, True) for cell in cw.cells), ("lstm", False), ("gru", False), ("layer_norm", False)]
)
def test_everything_at_once_as_the_reference_has_it(cell: str, training: bool) -> None:
    module = made(cell, num_layers=2, bidirectional=True, **options_for(cw.cells[cell])).train(training)
    for given in ({}, {"lengths": LENGTHS, "reset": RESET, "reset_state": state(module, 5)}):
        assert_agree(everything(module, "cpu", **given), everything(module, "reference", **given), 1e-10)


@pytest.mark.parametrize("name", [*EVERYTHING, "nothing"])
def test_each_option_in_float32(name: str) -> None:
    options = {name: EVERYTHING[name]} if name in EVERYTHING else {}
    module = made(num_layers=2, **options).float()
    given = x().float()
    found = []
    for backend in ("cpu", "reference"):
        torch.manual_seed(3)
        with cw.backend(backend):
            found.append(module(given)[0].detach())
    assert torch.allclose(*found, rtol=0, atol=1e-6)


def test_zoneout_of_nothing_and_of_everything() -> None:
    plain, still = made(), made(zoneout=1.0)
    first = state(plain, 2)
    assert torch.equal(made(zoneout=0.0)(x(), first)[0], plain(x(), first)[0])
    for training in (True, False):
        y, last = still.train(training)(x(), first)
        assert torch.equal(y, first[0].expand_as(y))
        assert all(map(torch.equal, last, first))


def test_zoneout_in_evaluation_mixes_old_and_new() -> None:
    module = made(zoneout=(0.3, 0.1)).eval()
    h = c = torch.zeros(ROWS, UNITS, dtype=torch.float64)
    for step, found in zip(x(), module(x())[0], strict=True):
        z = step @ module.weight_ih_l0.T + module.bias_ih_l0 + h @ module.weight_hh_l0.T + module.bias_hh_l0
        i, f, g, o = z.chunk(4, -1)
        new = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = 0.3 * h + 0.7 * torch.sigmoid(o) * torch.tanh(new)  # h sees the cell state as it would be
        c = 0.1 * c + 0.9 * new
        assert torch.allclose(found, h, rtol=0, atol=1e-12)


def test_zoneout_in_training_keeps_about_so_many() -> None:
    torch.manual_seed(0)
    trace = cw.LSTM(3, 200, zoneout=(0.3, 0.1)).trace(torch.randn(50, 4, 3))
    for name, share in (("h", 0.3), ("c", 0.1)):
        same = trace[name][1:] == trace[name][:-1]
        assert abs(float(same.double().mean()) - share) < 0.02


def test_recurrent_dropout_hides_the_same_units_for_a_whole_sequence() -> None:
    module = made(recurrent_dropout=0.5)
    y, _ = module(x())
    for row in range(ROWS):
        matches = 0
        for mask in itertools.product([0.0, 2.0], repeat=UNITS):
            masked = copy.deepcopy(module).eval()
            with torch.no_grad():
                masked.weight_hh_l0.mul_(torch.tensor(mask, dtype=torch.float64))
            matches += torch.allclose(masked(x()[:, row])[0], y[:, row], rtol=0, atol=1e-12)
        assert matches == 1


@pytest.mark.parametrize("option", ["recurrent_dropout", "weight_dropout"])
def test_without_the_recurrent_weights(option: str) -> None:
    module = made(**{option: 1.0})
    y, _ = module(x())
    with torch.no_grad():
        module.weight_hh_l0.zero_()
    assert torch.allclose(y, module.eval()(x())[0], rtol=0, atol=1e-12)


def test_weight_dropout_drops_weights_and_their_gradients() -> None:
    module = made(weight_dropout=0.5)
    module(x())[0].sum().backward()
    assert 0.2 < float((module.weight_hh_l0.grad == 0).double().mean()) < 0.8
    assert bool((module.weight_ih_l0.grad != 0).all())


def test_a_candidate_that_is_dropped_is_not_written() -> None:
    torch.manual_seed(0)
    trace = cw.LSTM(3, 200, candidate_dropout=0.25).trace(torch.randn(50, 4, 3))
    assert abs(float((trace["g"] == 0).double().mean()) - 0.25) < 0.02
    before = torch.cat([torch.zeros_like(trace["c"][:1]), trace["c"][:-1]])
    dropped = trace["g"] == 0
    assert torch.allclose(trace["c"][dropped], (trace["f"] * before)[dropped])


def test_a_clipped_cell_state_is_what_is_shown() -> None:
    trace = made(cell_clip=0.05).trace(x())
    assert float(trace["c"].detach().abs().max()) == 0.05
    assert torch.allclose(trace["h"], trace["o"] * torch.tanh(trace["c"]), rtol=0, atol=1e-12)
    assert torch.equal(made(cell_clip=1e6)(x())[0], made()(x())[0])


@pytest.mark.parametrize("option", ["recurrent_dropout", "candidate_dropout", "weight_dropout", "dropout"])
def test_dropout_does_nothing_in_evaluation(option: str) -> None:
    module = made(num_layers=2, **{option: 0.5})
    assert not torch.equal(module(x())[0], module(x())[0])
    assert torch.equal(module.eval()(x())[0], made(num_layers=2).eval()(x())[0])


def test_locked_dropout_drops_the_same_at_all_steps() -> None:
    module = cw.RNN(1, 100, num_layers=2, dropout=0.5, nonlinearity="relu", bias=False, locked_dropout=True)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        module.weight_ih_l0.fill_(1.0)
        module.weight_ih_l1.copy_(torch.eye(100))
    y, _ = module(torch.ones(7, 3, 1))
    assert torch.equal(y, y[:1].expand_as(y))
    assert not torch.equal(y[:, 0], y[:, 1])
    packed, _ = module(pack_padded_sequence(torch.ones(7, 3, 1), [3, 7, 5], enforce_sorted=False))
    padded, lengths = pad_packed_sequence(packed)
    for row, length in enumerate(lengths):
        assert torch.equal(padded[:length, row], padded[:1, row].expand(length, -1))


def test_packed_sequences_take_every_option() -> None:
    module = made(num_layers=2, bidirectional=True, **EVERYTHING)
    packed = pack_padded_sequence(x(), [6, 1, 3, 5], enforce_sorted=False)
    found = []
    for backend in ("cpu", "reference"):
        torch.manual_seed(3)
        with cw.backend(backend):
            found.append(module(packed)[0].data.detach())
    assert torch.allclose(*found, rtol=1e-10, atol=1e-12)


def test_a_learned_state_is_where_a_sequence_begins() -> None:
    module = made(num_layers=2, bidirectional=True, learned_state=True)
    assert module.h_0.shape == (4, UNITS)
    given = tuple(each[:, None].expand(-1, ROWS, -1) for each in (module.h_0, module.c_0))
    plain = made(num_layers=2, bidirectional=True)
    plain.load_state_dict({name: each for name, each in module.state_dict().items() if not name.endswith("_0")})
    assert torch.equal(module(x())[0], plain(x(), given)[0])
    assert torch.equal(module(x(), reset=RESET)[0], plain(x(), given, reset=RESET, reset_state=given)[0])
    module(x())[0].sum().backward()
    assert bool((module.h_0.grad != 0).all())


def test_a_learned_state_begins_at_zero() -> None:
    assert torch.equal(cw.LSTM(3, 4, learned_state=True).c_0, torch.zeros(1, 4))


@pytest.mark.parametrize("cell", cw.cells)
def test_every_learned_state_learns(cell: str) -> None:
    module = made(cell, learned_state=True)
    module(x())[0].square().sum().backward()
    for name in module.cell.state:
        assert float(module.get_parameter(f"{name}_0").grad.abs().min()) > 0, name


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_reset_brings_what_is_given(cell: str) -> None:
    module = made(cell)
    first, brought = state(module, 2), state(module, 5)
    reset = torch.zeros(STEPS, ROWS, dtype=torch.bool).index_fill(0, torch.tensor(2), True)
    y, last = module(x(), first, reset=reset, reset_state=brought)
    before, _ = module(x()[:2], first)
    after, expected = module(x()[2:], brought)
    assert torch.equal(y, torch.cat([before, after]))
    pairs = [(last, expected)] if isinstance(last, Tensor) else zip(last, expected, strict=True)
    assert all(torch.equal(*pair) for pair in pairs)


def test_the_gradient_of_what_a_reset_brings() -> None:
    module = made()
    brought = tuple(each.requires_grad_() for each in state(module, 5))
    first = tuple(each.requires_grad_() for each in state(module, 2))
    y, _ = module(x(), first, reset=RESET, reset_state=brought)
    d_first, d_brought = torch.autograd.grad(y[4:].sum(), [first[1], brought[1]])
    marked = RESET[:5].any(0)
    assert torch.equal((d_first[0] != 0).any(-1), ~marked)
    assert torch.equal((d_brought[0] != 0).any(-1), marked)


def test_what_a_reset_brings_needs_a_reset() -> None:
    module = made()
    with pytest.raises(cw.InputError, match="pass reset= with it"):
        module(x(), reset_state=state(module, 2))
    with pytest.raises(cw.InputError, match="the state of lstm is h, c"):
        module(x(), reset=RESET, reset_state=(torch.zeros(1, 2), torch.zeros(1, 2)))


@pytest.mark.parametrize("options", [{"zoneout": 0.2}, {"cell_clip": 0.1}, {"learned_state": True}])
def test_a_stream_has_the_options_of_evaluation(options: dict[str, Any]) -> None:
    module = made(num_layers=2, candidate_dropout=0.5, recurrent_dropout=0.5, **options).eval()
    stream = module.stream(ROWS)
    found = torch.stack([stream.step(each).clone() for each in x()])
    assert torch.allclose(found, module(x())[0], rtol=1e-10, atol=1e-12)
    stream.reset(torch.tensor([1]))
    assert torch.allclose(stream.step(x()[0])[1], module(x()[:1])[0][0, 1], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("second", [lambda m: copy.deepcopy(m), lambda m: m])
def test_the_same_seed_gives_the_same(second: Callable[[cw.Recurrent], cw.Recurrent]) -> None:
    module = made(num_layers=2, **EVERYTHING)
    torch.manual_seed(5)
    first, _ = module(x())
    torch.manual_seed(5)
    assert torch.equal(second(module)(x())[0], first)
    assert not torch.equal(module(x())[0], first)


def test_a_copy_has_the_options(tmp_path: Path) -> None:
    module = made(num_layers=2, **EVERYTHING)
    torch.save(module, tmp_path / "module.pt")
    for copied in (copy.deepcopy(module), torch.load(tmp_path / "module.pt", weights_only=False)):
        torch.manual_seed(5)
        expected, _ = module(x())
        torch.manual_seed(5)
        assert torch.equal(copied(x())[0], expected)
        assert repr(copied) == repr(module)


def test_repr_shows_the_options() -> None:
    shown = repr(cw.LSTM(3, 4, zoneout=0.1, cell_clip=3.0, learned_state=True))
    assert shown == "LSTM(3, 4, zoneout=0.1, cell_clip=3.0, learned_state=True)"


@pytest.mark.parametrize("cell", list(cw.cells))
@pytest.mark.parametrize("regularised", [False, True])
def test_nothing_to_read_gives_nothing_and_no_gradient(cell: str, regularised: bool) -> None:
    module = made(cell, num_layers=2, **(options_for(cw.cells[cell]) if regularised else {}))
    empty = torch.zeros(STEPS, 0, INPUTS, dtype=torch.float64)
    calls: list[tuple[Tensor, dict[str, Any]]] = [
        (empty, {}),
        (empty, {"lengths": torch.zeros(0, dtype=torch.int64)}),
        (x(), {"lengths": torch.zeros(ROWS, dtype=torch.int64)}),
        (x()[:0], {}),
    ]
    for given, options in calls:
        given = given.clone().requires_grad_()
        for y in (module(given, **options)[0], module.trace(given, **options)["h"]):
            module.zero_grad()
            y.sum().backward()
            assert not y.any()
            assert all(not each.grad.any() for each in module.parameters() if each.grad is not None)


def test_clipping_draws_nothing() -> None:
    module, before = made(cell_clip=0.1), torch.get_rng_state()
    module(x())
    assert torch.equal(torch.get_rng_state(), before)


def annotated(x: Any, r: Any, s: Any, w: Any) -> dict[str, Tensor]:
    i, f, o = (x.i + r.i).sigmoid(), (x.f + r.f).sigmoid(), (x.o + r.o).sigmoid()
    g: Tensor = (x.g + r.g).tanh()
    c: Tensor = f * s.c + i * g
    return dict(g=g, c=c, h=o * c.tanh())


def in_pieces(x: Any, r: Any, s: Any, w: Any) -> dict[str, Tensor]:
    i, f, o = (x.i + r.i).sigmoid(), (x.f + r.f).sigmoid(), (x.o + r.o).sigmoid()
    g = x.g + r.g
    g = g.tanh()
    c = f * s.c
    c = c + i * g
    return dict(g=g, c=c, h=o * c.tanh())


def side_by_side(x: Any, r: Any, s: Any, w: Any) -> dict[str, Tensor]:
    i, f, o = (x.i + r.i).sigmoid(), (x.f + r.f).sigmoid(), (x.o + r.o).sigmoid()
    g, old = (x.g + r.g).tanh(), s.c
    c, g = f * old + i * g, g * 1
    return dict(g=g, c=c, h=o * c.tanh())


@pytest.mark.parametrize("function", [annotated, in_pieces])
def test_a_change_reaches_its_signal_however_it_is_written(function: Callable[..., dict[str, Tensor]]) -> None:
    cell = cw.Cell(function, function.__name__, ("i", "f", "g", "o"), ("h", "c"), {}, candidate="g")
    for options in ({"cell_clip": 0.05}, {"candidate_dropout": 0.5}):
        expected, found = made("lstm", **options), cw.Recurrent(cell, INPUTS, UNITS, dtype=torch.float64, **options)
        found.load_state_dict(expected.state_dict())
        outputs = []
        for module in (expected, found):
            torch.manual_seed(3)
            outputs.append(module(x())[0])
        assert torch.allclose(*outputs, atol=1e-12)


def nameless(x: cw.Terms, r: cw.Terms, s: cw.Terms, _: cw.Terms) -> dict[str, Tensor]:
    i, f, o = (x.i + r.i).sigmoid(), (x.f + r.f).sigmoid(), (x.o + r.o).sigmoid()
    c = f * s.c + i * (x.g + r.g).tanh()
    return dict(g=(x.g + r.g).tanh(), c=c, h=o * c.tanh())


def test_masks_come_under_whatever_name_the_function_has() -> None:
    cell = cw.Cell(nameless, "nameless", ("i", "f", "g", "o"), ("h", "c"), {}, candidate="g")
    module = cw.Recurrent(cell, INPUTS, UNITS, dtype=torch.float64, candidate_dropout=0.5)
    assert float((module.trace(x())["g"] == 0).double().mean()) == pytest.approx(0.5, abs=0.2)


def test_a_change_reaches_a_signal_that_is_set_beside_others() -> None:
    cell = cw.Cell(side_by_side, "side_by_side", ("i", "f", "g", "o"), ("h", "c"), {}, candidate="g")
    expected, found = (
        made("lstm", cell_clip=0.05),
        cw.Recurrent(cell, INPUTS, UNITS, dtype=torch.float64, cell_clip=0.05),
    )
    found.load_state_dict(expected.state_dict())
    assert torch.allclose(found(x())[0], expected(x())[0], atol=1e-12)
    assert float(found.trace(x())["c"].detach().abs().max()) == 0.05


def test_an_infinite_limit_clips_nothing_and_a_word_is_none() -> None:
    assert torch.equal(made(cell_clip=float("inf"))(x())[0], made()(x())[0])
    with pytest.raises(cw.InputError, match="cell_clip must be a positive number, but is '3'"):
        made(cell_clip="3")
