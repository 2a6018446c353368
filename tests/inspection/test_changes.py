"""Interventions and attribution: what changes if something is forced, and what an output depends on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cellwright as cw
from cellwright.errors import InputError
from cellwright.inspection import Inspection
from cellwright.inspection import attribution as attributions
from cellwright.inspection.again import Part
from cellwright.inspection.attribution import attribution
from cellwright.inspection.intervention import Force, forced, intervene


def captured(name: str = "lstm", steps: int = 30, **options: object) -> Inspection:
    torch.manual_seed(4)
    layer = cw.Recurrent(name, 3, 5, num_layers=2, dtype=torch.float64, **options)  # type: ignore[arg-type]
    return cw.inspect(layer, torch.randn(steps, 3, dtype=torch.float64))


@pytest.mark.parametrize("name", list(cw.cells))
@pytest.mark.parametrize("bidirectional", [False, True])
def test_what_was_anyway_changes_nothing(name: str, bidirectional: bool) -> None:
    inspection = captured(name, bidirectional=bidirectional)
    part = Part.around(inspection, 5, 9, 99)
    _, signals = forced(part, [])
    for made in inspection.passes:
        for signal in made.cell.signals:
            original = signals[made.name][signal][5:9][:, [1, 3]]
            effect = intervene(inspection, [Force(made.name, signal, [1, 3], 5, 9, original)])
            assert np.array_equal(effect.before, effect.after), (made.name, signal)


@pytest.mark.parametrize("name", list(cw.cells))
def test_without_a_force_all_is_as_it_was(name: str) -> None:
    inspection = captured(name, bidirectional=True)
    part = Part.around(inspection, 0, 0, 99)
    h, _ = forced(part, [])
    expected = np.concatenate([made.states["h"] for made in inspection.passes[2:]], -1)
    assert np.allclose(h, expected, atol=1e-12)
    again = part.run(part.read()[:, None])[:, 0]
    assert np.allclose(again.numpy(), expected, atol=1e-12)


def test_a_forced_gate_by_hand() -> None:
    torch.manual_seed(1)
    layer = cw.LSTM(3, 5, dtype=torch.float64)
    x = torch.randn(20, 3, dtype=torch.float64)
    effect = intervene(cw.inspect(layer, x), [Force("l0", "f", [2], 6, 8, 0.0)])
    h, c = torch.zeros(2, 5, dtype=torch.float64)
    for t in range(20):
        z = layer.weight_ih_l0 @ x[t] + layer.bias_ih_l0 + layer.weight_hh_l0 @ h + layer.bias_hh_l0
        i, f, g, o = z.chunk(4)
        f = torch.sigmoid(f)
        if 6 <= t < 8:
            f = f.clone()
            f[2] = 0.0
        c = f * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        assert np.allclose(effect.after[t], h.detach().numpy(), atol=1e-12)
    assert np.array_equal(effect.after[:6], effect.before[:6])
    assert (effect.after[8:] != effect.before[8:]).any()


def test_a_muted_unit_and_a_wiped_memory() -> None:
    inspection = captured()
    effect = intervene(inspection, [Force("l1", "h", [0], 3, 30, 0.0), Force("l0", "c", [4], 10, 11, 0.0)])
    assert (effect.signals["l1"]["h"][3:, 0] == 0).all()
    assert effect.signals["l0"]["c"][10, 4] == 0


def test_a_long_sequence_runs_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    inspection = captured(steps=90, bidirectional=True)
    monkeypatch.setattr("cellwright.inspection.intervention.MOST", 20)
    effect = intervene(inspection, [Force("l0", "f", [0], 50, 52, 0.0)])
    assert effect.end - effect.start == 20
    expected = np.concatenate([made.states["h"] for made in inspection.passes[2:]], -1)
    assert np.allclose(effect.before, expected[effect.start : effect.end], atol=1e-12)


def test_what_cannot_be_forced_is_told() -> None:
    inspection = captured()
    for force, told in (
        (Force("l9", "f", [0], 0, 1, 0), "no pass 'l9'"),
        (Force("l0", "q", [0], 0, 1, 0), "no signal 'q'"),
        (Force("l0", "f", [9], 0, 1, 0), "units from 0 to 4"),
        (Force("l0", "f", [], 0, 1, 0), "units from 0 to 4"),
        (Force("l0", "f", [0], 3, 3, 0), "at least one step"),
        (Force("l0", "f", [0], 25, 31, 0), "the steps must be from 0 to 29"),
    ):
        with pytest.raises(InputError, match=told):
            intervene(inspection, [force])
    projected = cw.inspect(cw.LSTM(3, 5, proj_size=2), torch.randn(5, 3))
    with pytest.raises(InputError, match="with a projection cannot be forced"):
        intervene(projected, [Force("l0", "h", [0], 0, 1, 0)])
    effect = intervene(projected, [Force("l0", "o", [0], 0, 1, 0)])
    assert effect.after.shape == (5, 2)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_integrated_gradients_sum_up_to_the_change(bidirectional: bool) -> None:
    inspection = captured(bidirectional=bidirectional)
    found = attribution(inspection, 20, 3)
    assert found.error < 0.01
    assert found.values.sum() == pytest.approx(found.score - found.baseline, rel=0.01)
    top = inspection.passes[-1 if not bidirectional else 2]
    assert found.score == pytest.approx(float(top.states["h"][20, 3]), abs=1e-12)
    assert len(found.values) == (30 if bidirectional else 21)


def test_of_a_linear_layer_all_methods_agree() -> None:
    @cw.cell(gates="h", state="h")
    def straight(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, torch.Tensor]:
        return {"h": x.h + r.h}

    layer = cw.Recurrent(straight, 3, 4, bias=False, dtype=torch.float64)
    x = torch.randn(15, 3, dtype=torch.float64)
    inspection = cw.inspect(layer, x - x[:10].mean(0))  # the baseline is then zero
    found = [attribution(inspection, 9, 2, method).values for method in ("gradient", "integrated", "occlusion")]
    assert np.allclose(found[0], found[1])
    assert np.allclose(found[0], found[2])


def test_an_account_that_does_not_sum_up_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    inspection = captured()
    monkeypatch.setattr(attributions, "ALLOWED", 1e-12)
    with pytest.raises(InputError, match="integrated gradients must sum up to the change of the output"):
        attribution(inspection, 20, 3)
    with pytest.raises(InputError, match="not 'magic'"):
        attribution(inspection, 20, 3, "magic")


def test_several_forces_on_one_signal_act_together() -> None:
    inspection = captured()
    effect = intervene(inspection, [Force("l0", "c", [unit], 10, 11, value) for unit, value in ((0, 7.0), (1, 5.0))])
    assert effect.signals["l0"]["c"][10 - effect.start, :2].tolist() == [7.0, 5.0]


def test_steps_that_are_not_there_are_told() -> None:
    inspection = captured()
    for look in (
        lambda: attribution(inspection, 1000, 0),
        lambda: intervene(inspection, [Force("l0", "c", [0], 500, 501, 0.0)]),
        lambda: intervene(inspection, [Force("l0", "c", [0], -2, 1, 0.0)]),
    ):
        with pytest.raises(InputError, match="the steps must be from 0 to 29"):
            look()


def test_a_state_that_is_handed_through_cannot_be_forced() -> None:
    @cw.cell(gates="a", state="h prev")
    def delayed(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, torch.Tensor]:
        return dict(h=torch.tanh(x.a + r.a + s.prev), prev=s.h)

    inspection = cw.inspect(cw.Recurrent(delayed, 3, 4), torch.randn(20, 3))
    assert intervene(inspection, [Force("l0", "h", [0], 5, 6, 0.0)]).signals["l0"]["h"][5, 0] == 0
    with pytest.raises(InputError, match="prev of l0 is handed through, and cannot be forced"):
        intervene(inspection, [Force("l0", "prev", [0], 5, 6, 0.0)])
