"""Memory, health, flow and ledger against loops, autograd and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

import cellwright as cw
from cellwright.errors import InputError
from cellwright.inspection import Pass
from cellwright.inspection.card import calculation, card
from cellwright.inspection.flow import Flow, flow
from cellwright.inspection.health import findings, gates_of, saturation
from cellwright.inspection.ledger import ledger
from cellwright.inspection.memory import half_lives, time_constants

MEMORIES = [name for name in cw.cells if not name.startswith("rnn")]


def captured(name: str = "lstm", steps: int = 40, reverse: bool = False, **options: object) -> tuple[Pass, Tensor]:
    """A pass in float64, and the weights-free signals of its layer."""
    torch.manual_seed(2)
    layer = cw.Recurrent(name, 3, 5, bidirectional=reverse, dtype=torch.float64, **options)  # type: ignore[arg-type]
    x = torch.randn(steps, 3, dtype=torch.float64)
    return cw.inspect(layer, x).passes[-1], x


def test_time_constants_of_constant_gates() -> None:
    layer = cw.LSTM(2, 3, dtype=torch.float64)
    with torch.no_grad():
        for each in layer.parameters():
            each.zero_()
        layer.bias_ih_l0[3:6] = torch.tensor([-1.0, 2.0, 80.0])
    found = time_constants(cw.inspect(layer, torch.randn(9, 2, dtype=torch.float64)).passes[0])
    expected = 1 / np.log1p(np.exp([1.0, -2.0, -80.0]))
    for each in found[:2]:
        assert np.allclose(each, expected, rtol=1e-12)
    assert np.allclose(found.arithmetic[:2], expected[:2], rtol=1e-12)


@pytest.mark.parametrize("name", MEMORIES)
def test_time_constants_against_their_definition(name: str) -> None:
    made, _ = captured(name)
    gates = {"original": None, "gru": "z"}
    gate = gates.get(name, "f")
    f = made.signal(gate).astype(np.float64)[1:] if gate else np.ones((39, 5))  # at first there is nothing to keep
    found = time_constants(made)
    with np.errstate(divide="ignore"):
        assert np.allclose(found.geometric, -1 / np.minimum(np.log(f).mean(0), -0.0), rtol=5e-3)
        assert np.allclose(found.arithmetic, -1 / np.minimum(np.log(f.mean(0)), -0.0), rtol=5e-3)
    assert (found.arithmetic >= found.geometric * (1 - 1e-12)).all()


def test_half_lives_against_a_loop() -> None:
    log_kept = -np.random.default_rng(1).exponential(0.3, (60, 4))
    log_kept[20, 1] = -np.inf
    found = half_lives(log_kept)
    for t in range(60):
        for unit in range(4):
            sums = np.cumsum(log_kept[t + 1 :, unit])
            below = np.flatnonzero(sums < -np.log(2))
            assert found[t, unit] == (below[0] + 1 if below.size else -1)


def test_saturation_by_counting() -> None:
    made, _ = captured("lstm", 200)
    f, g = made.signal("f"), made.signal("g")
    assert np.allclose(saturation(made, "f"), [(f < 0.1).mean(0), (f > 0.9).mean(0)])
    assert np.allclose(saturation(made, "g"), [(g < -0.9).mean(0), (g > 0.9).mean(0)])


def test_findings() -> None:
    torch.manual_seed(1)
    layer = cw.LSTM(3, 8)
    gates = {"i": 0, "f": 8, "g": 16, "o": 24}
    with torch.no_grad():
        layer.bias_ih_l0[gates["i"] + 1] = -99
        layer.bias_ih_l0[gates["f"] + 3] = 99
        layer.bias_ih_l0[gates["o"] + 4] = -99
        for each in (layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0):
            for gate in gates.values():
                each[gate + 7] = each[gate + 6]
    found = {(each.kind, each.units) for each in findings(cw.inspect(layer, torch.randn(300, 3)).passes[0])}
    assert found == {("never writes", (1,)), ("never forgets", (3,)), ("mute", (1, 4)), ("duplicate", (6, 7))}
    assert findings(captured()[0]) == []
    assert not [each for each in findings(captured("original")[0]) if each.kind == "never forgets"]


def followed(made: Pass, x: Tensor, end: int, along: Tensor, lags: int) -> Flow:
    """The same by autograd through a loop over the whole sequence."""
    cell, state = made.cell, {name: torch.zeros(1, 5, dtype=torch.float64, requires_grad=True) for name in made.states}
    order = range(len(x) - 1, end - 1, -1) if made.reverse else range(end + 1)
    states, memories, kept = [], [], []
    for t in order:
        steps = np.array([t])
        signals = cell(
            made.contributions(steps),
            made.recurrent(state["h"]),
            [*state.values()],
            [each.double() for each in made.given],
        )
        state = {name: signals[name] for name in state}
        states.append(state["h"])
        memories.append(signals[made.memory])
        kept.append(made.replay(steps).kept[made.memory])
    score = (states[-1] * along).sum()
    of_h = torch.autograd.grad(score, states, retain_graph=True)[::-1]
    found = torch.autograd.grad(score, memories, allow_unused=True)[::-1]
    of_memory = [torch.zeros(1, 5) if each is None else each for each in found]
    direct = [of_memory[0]]
    first = 0 if of_memory[0].any() else 1
    for lag, each in enumerate(kept[::-1]):
        direct.append(of_memory[1] if lag < first else direct[-1] * each)
    norms = [[float(each.norm()) for each in group[: lags + 1]] for group in (of_h, of_memory, direct)]
    units = np.concatenate([each.abs().numpy() for each in of_memory[: lags + 1]])
    return Flow(*map(np.array, norms), np.ones(lags + 1), units)


@pytest.mark.parametrize("name", list(cw.cells))
@pytest.mark.parametrize("reverse", [False, True])
def test_flow_is_what_autograd_finds(name: str, reverse: bool) -> None:
    made, x = captured(name, 20, reverse)
    along = torch.randn(1, 5, dtype=torch.float64)
    end = 3 if reverse else 16
    found, expected = flow(made, 12, [end], along), followed(made, x, end, along, 12)
    for one, other in zip(vars(found).values(), vars(expected).values(), strict=True):
        assert np.allclose(one, other, rtol=1e-9, atol=0)


def test_flow_of_a_projected_layer() -> None:
    torch.manual_seed(2)
    layer = cw.LSTM(3, 5, proj_size=2, dtype=torch.float64)
    x = torch.randn(10, 1, 3, dtype=torch.float64)
    made, along = cw.inspect(layer, x).passes[0], torch.randn(1, 2, dtype=torch.float64)
    found = flow(made, 9, [9], along)
    with cw.backend("reference"):
        _, state = layer(x[:4])
        state = tuple(each.detach().requires_grad_() for each in state)
        y, _ = layer(x[4:], state)
    (expected,) = torch.autograd.grad((y[-1] * along).sum(), state[0])
    assert found.h[6] == pytest.approx(float(expected.norm()))


def test_flow_stays_within_its_sequence() -> None:
    x = torch.randn(7, 3, 3, dtype=torch.float64)
    layer = cw.LSTM(3, 5, dtype=torch.float64)
    made = cw.inspect(layer, x, lengths=torch.tensor([3, 7, 1])).passes[0]
    found = flow(made, 50, ends=[2, 9, 10])
    assert found.count.tolist() == [3, 2, 2, 1, 1, 1, 1]


def test_verdicts() -> None:
    lags = np.arange(101)
    ones = np.ones(101)
    assert Flow(0.5**lags, 0.5**lags, 0.5**lags, ones, ones).verdict == "vanishing"
    assert Flow(0.97**lags, 0.97**lags, ones, ones, ones).verdict == "healthy"
    assert Flow(1.1**lags, ones, ones, ones, ones).verdict == "exploding"
    assert Flow(ones, ones, ones, ones, ones).horizon is None
    assert Flow(0.5**lags, 0.7**lags, ones, ones, ones).horizon == 13


@pytest.mark.parametrize("reverse", [False, True])
def test_time_constants_by_gradient_of_constant_gates(reverse: bool) -> None:
    layer = cw.LSTM(2, 4, bidirectional=reverse, dtype=torch.float64)
    with torch.no_grad():
        for each in layer.parameters():
            each.zero_()
        for direction in ("", "_reverse" * reverse):
            layer.get_parameter(f"bias_ih_l0{direction}")[4:8] = torch.tensor([-3.0, 1.0, 3.0, 80.0])
    made = cw.inspect(layer, torch.randn(200, 2, dtype=torch.float64)).passes[-1]
    found, expected = flow(made, 100).constants, time_constants(made).bias
    assert np.allclose(found[:3], expected[:3], rtol=1e-10)
    assert np.isinf(found[3])


def test_time_constants_by_gradient_see_what_goes_through_h() -> None:
    torch.manual_seed(1)
    layer = cw.LSTM(2, 3, dtype=torch.float64)
    with torch.no_grad():
        layer.weight_hh_l0.zero_()
        layer.bias_ih_l0[3:6] = -9  # gates alone keep nothing
        layer.weight_hh_l0[6] = torch.tensor([1.8, 0.0, 0.0])
        layer.bias_ih_l0[9:12] = 4
    made = cw.inspect(layer, torch.randn(200, 2, dtype=torch.float64) / 99).passes[0]
    by_gates, by_gradient = time_constants(made).geometric, flow(made, 100).constants
    assert (by_gates < 0.2).all()
    assert by_gradient[0] > 1 > by_gradient[1:].max()


@pytest.mark.parametrize("name", list(cw.cells))
@pytest.mark.parametrize("reverse", [False, True])
def test_the_ledger_sums_to_the_memory(name: str, reverse: bool) -> None:
    made, _ = captured(name, 30, reverse)
    for step in (0, 11, 29):
        for unit in (0, 4):
            found = ledger(made, step, unit)
            assert abs(found.total - made.states[made.memory][step, unit]) < 1e-10
            assert found.steps[-1] == step
            assert len(found.entries) == (30 - step if reverse else step + 1)


def test_the_ledger_of_an_lstm_by_its_equation() -> None:
    made, _ = captured("lstm", 30)
    i, f, g, o, c = (made.signal(name).astype(np.float64)[:, 2] for name in "ifgoc")
    found = ledger(made, 20, 2)
    assert np.allclose(found.written, (i * g)[:21], atol=1e-3)
    assert np.allclose(found.left, [np.prod(f[j + 1 : 21]) for j in range(21)], atol=2e-3)
    assert np.allclose(found.read, (o * (1 - np.tanh(c) ** 2))[:21], atol=1e-3)


def test_a_ledger_that_does_not_go_back_to_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = captured("lstm", 30)
    monkeypatch.setattr("cellwright.inspection.ledger.MOST", 5)
    found = ledger(made, 20, 2)
    assert found.steps.tolist() == [16, 17, 18, 19, 20]
    assert found.carried != 0
    assert abs(found.total - made.states["c"][20, 2]) < 1e-10


def test_a_clip_that_is_not_reached_changes_no_memory() -> None:
    plain, _ = captured(forget_bias=3.0)
    clipped, _ = captured(forget_bias=3.0, cell_clip=50.0)
    for one, other in zip(time_constants(plain), time_constants(clipped), strict=True):
        assert np.array_equal(one, other)
    tight, _ = captured(forget_bias=3.0, cell_clip=0.05)
    assert (time_constants(tight).geometric < time_constants(plain).geometric).all()
    found = ledger(tight, 30, 2)
    assert found.total == pytest.approx(float(tight.states["c"][30, 2]))


def test_a_stabiliser_is_no_normaliser() -> None:
    found, _ = captured("slstm", forget_bias=0.0)
    assert np.isfinite(time_constants(found).bias).all()


def test_never_forgetting_does_not_depend_on_the_lengths() -> None:
    torch.manual_seed(0)
    lstm = cw.LSTM(3, 4, forget_bias=6.5)
    many = cw.inspect(lstm, torch.randn(2, 200, 3)).passes[0]
    one = cw.inspect(lstm, torch.randn(400, 3)).passes[0]
    assert [each.kind for each in findings(many)] == [each.kind for each in findings(one)]


def test_outputs_of_a_projection_are_no_units() -> None:
    torch.manual_seed(0)
    lstm = cw.LSTM(3, 4, proj_size=2)
    with torch.no_grad():
        lstm.weight_hr_l0[1] = lstm.weight_hr_l0[0]
    made = cw.inspect(lstm, torch.randn(50, 3)).passes[0]
    assert not [each for each in findings(made) if each.kind == "duplicate"]
    found = card(made, 30, 3)
    assert "h" not in found.before
    sources = [f"input {n}" for n in range(3)] + [f"output {n}" for n in range(2)] + ["bias"]
    assert sorted(term.source for term in found.terms["f"]) == sorted(sources)


def test_what_has_no_ends_is_not_saturated() -> None:
    assert gates_of(captured("no_input_activation")[0]) == ["i", "f", "o"]
    assert {"i", "f", "o"} <= {*gates_of(captured("hard")[0])}


def test_a_network_of_no_numbers_is_not_healthy() -> None:
    lstm = cw.LSTM(3, 4)
    with torch.no_grad():
        lstm.weight_ih_l0.fill_(torch.nan)
    assert flow(cw.inspect(lstm, torch.randn(20, 3)).passes[0]).verdict == "exploding"


def test_a_share_that_is_the_same_at_all_steps() -> None:
    made, _ = captured("rnn", zoneout=0.25)
    assert np.allclose(time_constants(made).geometric, -1 / np.log(0.25))
    assert ledger(made, 30, 2).total == pytest.approx(float(made.states["h"][30, 2]))


@pytest.mark.parametrize(("step", "unit"), [(-1, 0), (40, 0), (3, 5), (3, -1)])
def test_steps_and_units_that_are_not_there_are_told(step: int, unit: int) -> None:
    made, _ = captured()
    for look in (card, calculation, ledger):
        with pytest.raises(InputError, match=f"not the step {step} of the unit {unit}"):
            look(made, step, unit)
