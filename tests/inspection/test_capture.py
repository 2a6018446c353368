"""Capture: exactly what happened, in any model, and a check that tells when it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

import cellwright as cw
from cellwright.errors import InputError
from cellwright.inspection import Capture, Inspection, recorder, selfcheck
from cellwright.kernels.layer import Weights, weights_of

EXACT = 2e-3
"""Gates come from z in float16."""


def same(inspection: Inspection, name: str, expected: Tensor) -> bool:
    """Whether a signal of all passes is that of a trace `[N, passes, H]`."""
    found = np.stack([each.signal(name) for each in inspection.passes], 1)
    limit = EXACT if name in inspection.passes[0].inner else 1e-6
    return bool(np.abs(found - expected.numpy()).max() <= limit)


@pytest.mark.parametrize("name", list(cw.cells))
@pytest.mark.parametrize("bidirectional", [False, True])
def test_every_signal_of_every_cell(name: str, bidirectional: bool) -> None:
    torch.manual_seed(1)
    layer = cw.Recurrent(name, 3, 5, num_layers=2, bidirectional=bidirectional).eval()
    x = torch.randn(9, 3)
    inspection = cw.inspect(layer, x)
    assert inspection.right
    assert len(inspection.passes) == 2 * (1 + bidirectional)
    trace = layer.trace(x)
    for signal in layer.cell.signals:
        assert same(inspection, signal, trace[signal].detach())


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (nn.LSTM, {}),
        (nn.LSTM, {"proj_size": 2}),
        (nn.LSTM, {"bias": False}),
        (nn.GRU, {}),
        (nn.RNN, {}),
        (nn.RNN, {"nonlinearity": "relu"}),
    ],
)
def test_the_layers_of_torch(kind: Any, options: dict[str, Any]) -> None:
    torch.manual_seed(1)
    layer = kind(3, 5, num_layers=2, bidirectional=True, batch_first=True, **options)
    x = torch.randn(2, 7, 3)
    inspection = cw.inspect(layer, x)
    assert inspection.right
    assert inspection.error > 0
    h = np.concatenate([each.signal("h") for each in inspection.passes[2:]], -1)
    assert np.array_equal(h, layer(x)[0].detach().flatten(0, 1).numpy())


def test_sequences_of_a_batch_stand_one_behind_the_other() -> None:
    layer = cw.LSTM(3, 4, batch_first=True)
    x, lengths = torch.randn(3, 6, 3), torch.tensor([2, 6, 0])
    state = torch.randn(1, 3, 4), torch.randn(1, 3, 4)
    inspection = cw.inspect(layer, x, state, lengths=lengths)
    assert inspection.starts.tolist() == [0, 2, 8]
    y, _ = layer(x, state, lengths=lengths)
    assert np.array_equal(inspection["l0"].signal("h"), torch.cat([y[0, :2], y[1]]).detach().numpy())
    assert np.array_equal(inspection["l0"].first["c"], state[1][0, :2].numpy())
    assert inspection.right


def test_a_packed_sequence_in_a_model_of_the_user() -> None:
    class Model(nn.Module):
        def __init__(self, layer: nn.Module) -> None:
            super().__init__()
            self.embedding, self.layer, self.dropout = nn.Embedding(9, 3), layer, nn.Dropout(0.5)

        def forward(self, words: Tensor, lengths: Tensor) -> Any:
            x = self.dropout(self.embedding(words))
            return self.layer(pack_padded_sequence(x, lengths, enforce_sorted=False))[0]

    for layer in (nn.LSTM(3, 4, bidirectional=True), cw.LSTM(3, 4, bidirectional=True)):
        model = Model(layer)
        words, lengths = torch.randint(9, (5, 2)), torch.tensor([3, 5])
        inspection = cw.inspect(model, words, lengths)
        assert inspection.starts.tolist() == [0, 3, 8]
        assert inspection.right
        assert [each.name for each in inspection.passes] == ["layer l0", "layer l0 reverse"]
        assert model.training
        assert model.dropout.training


def test_a_reset_begins_a_sequence() -> None:
    layer = cw.LSTM(3, 4, bidirectional=True, learned_state=True)
    torch.nn.init.normal_(layer.get_parameter("c_0"))
    reset = torch.tensor([False, False, True, False, True])
    inspection = cw.inspect(layer, torch.randn(5, 3), reset=reset)
    assert inspection.starts.tolist() == [0, 2, 4, 5]
    assert inspection.right
    assert np.array_equal(inspection["l0 reverse"].first["c"], layer.c_0[1].detach().expand(3, -1).numpy())


def test_calls_that_go_on_make_one_sequence() -> None:
    layer, x = cw.LSTM(3, 4, num_layers=2), torch.randn(9, 1, 3)
    with torch.no_grad(), Capture(layer) as capture:
        _, state = layer(x[:4])
        _, state = layer(x[4:5], state)
        layer(x[5:], state)
        layer(x[:2])
    inspection = capture.inspection()
    assert inspection.starts.tolist() == [0, 9, 11]
    assert inspection.right
    whole = layer.trace(x)
    for name in ("f", "c", "h"):
        found = np.stack([each.signal(name, slice(9)) for each in inspection.passes], 1)
        assert np.abs(found - whole[name][:, 0].detach().numpy()).max() < EXACT


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_calls_of_torch_that_go_on_make_one_sequence(kind: Any) -> None:
    layer, x = kind(3, 4, num_layers=2), torch.randn(9, 1, 3)
    with torch.no_grad(), Capture(layer) as capture:
        _, state = layer(x[:4])
        layer(x[4:], state)
    assert capture.inspection().starts.tolist() == [0, 9]


def test_what_the_model_writes_over_is_kept() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = cw.LSTM(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            y, _ = self.layer(x)
            x += y
            return y.mul_(0)

    assert cw.inspect(Model(), torch.randn(9, 1, 4)).right
    with cw.backend("reference"):
        assert cw.inspect(Model(), torch.randn(9, 1, 4)).right


def test_the_last_layer_is_the_one_that_was_called_last() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.top, self.bottom = cw.LSTM(4, 3), nn.GRU(2, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.top(self.bottom(x)[0])[0]

    assert repr(cw.inspect(Model(), torch.randn(5, 2))) == "Inspection of bottom l0, top l0: 5 steps in 1 sequences"


def test_a_parametrised_layer_of_torch() -> None:
    layer = nn.utils.parametrizations.weight_norm(nn.LSTM(3, 4), "weight_hh_l0")
    assert cw.inspect(layer, torch.randn(9, 3)).right


def test_much_is_kept_in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = cw.LSTM(3, 4), torch.randn(500, 3)
    expected = cw.inspect(layer, x)["l0"]
    monkeypatch.setattr("cellwright.inspection.rows.FEW", 100)
    found = cw.inspect(layer, x)["l0"]
    assert isinstance(found.states["c"], np.memmap)
    assert isinstance(found.inner["f"], np.memmap)
    for name in layer.cell.signals:
        assert np.array_equal(found.signal(name), expected.signal(name))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions(dtype: torch.dtype) -> None:
    assert cw.inspect(cw.LSTM(3, 4, dtype=dtype), torch.randn(30, 3, dtype=dtype)).right


def test_swapped_gates_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def swapped(module: nn.LSTM) -> cw.Recurrent:
        weights = {name: torch.cat([each.chunk(4)[n] for n in (1, 0, 2, 3)]) for name, each in
                   module.state_dict().items()}  # fmt: skip
        layer = cw.LSTM(module.input_size, module.hidden_size, module.num_layers)
        layer.load_state_dict(weights)
        return layer

    monkeypatch.setattr(selfcheck, "CHECKED", 2)
    theirs, x = nn.LSTM(3, 4, num_layers=2), torch.randn(20, 3)
    assert cw.inspect(theirs, x).right
    monkeypatch.setattr(recorder, "converted", swapped)
    assert not cw.inspect(theirs, x).right


def test_a_missing_bias_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(module: nn.LSTM) -> cw.Recurrent:
        layer = cw.LSTM(module.input_size, module.hidden_size)
        layer.load_state_dict({**module.state_dict(), "bias_hh_l0": torch.zeros(16)})
        return layer

    monkeypatch.setattr(recorder, "converted", without)
    assert not cw.inspect(nn.LSTM(3, 4), torch.randn(20, 3)).right


def test_swapped_gates_of_our_own_layers_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = cw.LSTM(3, 4, num_layers=2), torch.randn(2000, 3)
    assert cw.inspect(layer, x).right

    def swapped(weights: Weights) -> Weights:
        tensors = [torch.cat([each.chunk(4)[n] for n in (1, 0, 2, 3)]) for each in weights.tensors()]
        return weights_of(tensors, bias=True)

    monkeypatch.setattr(recorder, "apart", swapped)
    assert not cw.inspect(layer, x).right


def test_a_missing_bias_of_our_own_layers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = cw.LSTM(3, 4), torch.randn(2000, 3)
    monkeypatch.setattr(recorder, "apart", lambda weights: weights_of(weights.tensors()[:2], bias=False))
    assert not cw.inspect(layer, x).right


@pytest.mark.parametrize("layer", [cw.LSTM(3, 4), nn.LSTM(3, 4)])
def test_gates_in_the_place_of_others_are_told(layer: nn.Module) -> None:
    made = cw.inspect(layer, torch.randn(20, 3)).passes[0]
    assert selfcheck.wrong(made) < 1e-6
    swapped = {**made.inner, "i": made.inner["f"], "f": made.inner["i"]}
    assert selfcheck.wrong(replace(made, inner=swapped)) > 1e-2


@pytest.mark.parametrize("name", list(cw.cells))
def test_large_numbers_pass_the_self_check(name: str) -> None:
    layer = cw.Recurrent(name, 3, 4)
    assert cw.inspect(layer, 30 * torch.randn(50, 3)).right


def test_a_single_wrong_step_of_torch_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(nn.LSTM):
        def forward(self, input: Tensor, hx: Any = None) -> Any:
            y, last = super().forward(input, hx)
            y[7] += 0.01
            return y, last

    monkeypatch.setattr(selfcheck, "CHECKED", 2)
    assert not cw.inspect(Wrong(3, 4), torch.randn(20, 3)).right


def test_the_self_check_of_many_steps_is_spread_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selfcheck, "CHECKED", 3)
    made = cw.inspect(cw.LSTM(3, 4), torch.randn(21, 3))["l0"]
    for step, seen in ((0, True), (5, False), (10, True), (15, False), (20, True)):
        h = made.states["h"].copy()
        h[step] += 1
        assert (selfcheck.wrong(replace(made, states={**made.states, "h": h})) > 0.5) == seen


class Scoring(nn.Module):
    """Says something at each step."""

    def __init__(self, layer: nn.Module, *head: nn.Module) -> None:
        super().__init__()
        self.layer, self.head = layer, nn.Sequential(*head)

    def forward(self, x: Tensor) -> Any:
        y, state = self.layer(x)
        return self.head(y), state


@pytest.mark.parametrize("layer", [cw.LSTM(3, 4, bidirectional=True, dtype=torch.bfloat16), nn.GRU(3, 8)])
def test_the_readout_of_a_model(layer: nn.Module) -> None:
    dtype = next(layer.parameters()).dtype
    model, x = Scoring(layer, nn.Dropout(0.5), nn.Linear(8, 5, dtype=dtype)), torch.randn(9, 3, dtype=dtype)
    inspection = cw.inspect(model, x)
    assert inspection.readout is not None
    assert inspection.readout.names == ("0", "1", "2", "3", "4")
    h = np.concatenate([each.signal("h") for each in inspection.passes], -1)
    said = model.eval()(x)[0].detach().float()
    assert torch.allclose(inspection.said(torch.from_numpy(h)), said, atol=1e-2 if dtype == torch.bfloat16 else 1e-6)


def test_what_is_no_readout() -> None:
    x = torch.randn(9, 3)
    for head in ([nn.Linear(4, 5), nn.ReLU()], [nn.Linear(4, 5), nn.Linear(5, 2)], [nn.Tanh(), nn.Linear(4, 2)]):
        inspection = cw.inspect(Scoring(cw.LSTM(3, 4), *head), x)
        assert inspection.readout is None
        assert inspection.said(x) is x

    class Two(Scoring):
        def forward(self, x: Tensor) -> Any:
            return super().forward(self.lower(x)[0])

    model = Two(cw.LSTM(3, 4), nn.Linear(4, 5, bias=False))
    model.lower = cw.LSTM(3, 3)
    assert cw.inspect(model, x).readout is not None
    assert cw.inspect(model, x, layer="lower").readout is None


def test_layers_on_other_steps_are_apart() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.letters, self.words = cw.LSTM(2, 3), nn.GRU(3, 4)

        def forward(self, letters: Tensor) -> Any:
            _, (h, _) = self.letters(letters)
            return self.words(h[0])

    model, letters = Model(), torch.randn(4, 6, 2)
    assert repr(cw.inspect(model, letters)) == "Inspection of words l0: 6 steps in 1 sequences"
    assert repr(cw.inspect(model, letters, layer="letters")) == "Inspection of letters l0: 24 steps in 6 sequences"
    with pytest.raises(InputError, match="did you mean 'letters'"):
        cw.inspect(model, letters, layer="leters")


def test_one_step_one_unit_and_no_number() -> None:
    assert cw.inspect(cw.LSTM(1, 1), torch.randn(1, 1)).right
    broken = cw.inspect(cw.LSTM(1, 1), torch.tensor([[1.0], [float("nan")], [1.0]]))
    assert np.isnan(broken["l0"].signal("c")).tolist() == [[False], [True], [True]]


def test_what_cannot_be_inspected_is_told() -> None:
    with pytest.raises(InputError, match="this Linear holds none"):
        cw.inspect(nn.Linear(2, 2), torch.randn(2))
    with pytest.raises(InputError, match="its LSTMCell takes single steps"):
        cw.inspect(nn.Sequential(nn.LSTMCell(2, 2)), torch.randn(2))
    with pytest.raises(InputError, match="'day' has 2"):
        cw.inspect(cw.LSTM(2, 2), torch.randn(3, 2), tracks={"day": ["Monday", "Tuesday"]})
    with pytest.raises(InputError, match="has taken no steps"):
        cw.inspect(cw.LSTM(2, 2), torch.zeros(3, 1, 2), lengths=torch.tensor([0]))
    with Capture(cw.LSTM(2, 2)) as capture:
        pass
    with pytest.raises(InputError, match="none of its recurrent layers"):
        capture.inspection()


class Twice(cw.LSTM):
    """A layer of the user's own around one of this library."""

    def forward(self, input: Any, hx: Any = None, **options: Any) -> Any:
        return super().forward(2 * input, hx, **options)


def test_what_a_model_says_is_the_same_while_it_is_watched() -> None:
    torch.manual_seed(1)
    lstm, x, state = cw.LSTM(3, 5), torch.randn(6, 2, 3), (torch.ones(1, 2, 5), torch.ones(1, 2, 5))
    packed = pack_padded_sequence(x, torch.tensor([6, 4]))
    expected, expected_packed = lstm(x, hx=state)[0], lstm(packed, hx=state)[0].data
    with Capture(lstm) as capture:
        assert torch.equal(lstm(x, hx=state)[0], expected)
        assert torch.allclose(lstm(packed, hx=state)[0].data, expected_packed, atol=1e-6)
        with pytest.raises(InputError, match="a PackedSequence brings its lengths"):
            lstm(packed, lengths=torch.tensor([6, 4]))
    assert capture.inspection().right


def test_a_layer_that_changes_its_input_is_told_from_the_equations() -> None:
    layer, x = Twice(3, 5), torch.randn(6, 2, 3)
    expected = layer(x)[0]
    with Capture(layer) as capture:
        assert torch.equal(layer(x)[0], expected)
    assert not capture.inspection().right


def test_captures_may_be_nested() -> None:
    lstm, x = cw.LSTM(3, 5), torch.randn(6, 3)
    with Capture(lstm) as outer:
        with Capture(lstm) as inner:
            lstm(x)
        lstm(x)
    assert inner.inspection().steps == 6
    assert outer.inspection().steps == 6  # what the inner one has seen is its own
    assert "forward" not in vars(lstm)


@pytest.mark.parametrize("brought", [False, True])
def test_first_states_and_resets_in_both_directions(brought: bool) -> None:
    torch.manual_seed(1)
    layer, x, ones = cw.LSTM(3, 4, bidirectional=True), torch.randn(9, 2, 3), torch.ones(2, 2, 4)
    reset = torch.zeros(9, 2, dtype=torch.bool)
    reset[4, 0] = reset[0, 1] = reset[6, 1] = True
    state = (ones, 2 * ones)
    assert cw.inspect(layer, x, state, reset=reset, reset_state=(-ones, ones) if brought else None).right
    assert cw.inspect(layer, x, reset=reset, reset_state=(-ones, ones) if brought else None).right


@pytest.mark.parametrize("layer", [nn.LSTM(3, 32), cw.LSTM(3, 32)])
def test_under_autocast_what_it_rounds_is_allowed(layer: nn.Module) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert cw.inspect(layer, torch.randn(20, 2, 3)).right


def test_looking_draws_nothing() -> None:
    before = torch.get_rng_state()
    lstm = nn.LSTM(3, 4)
    after = torch.get_rng_state()
    assert not torch.equal(before, after)
    cw.inspect(lstm, torch.ones(5, 3))
    assert torch.equal(torch.get_rng_state(), after)
