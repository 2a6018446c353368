"""A layer is an ordinary module: it is copied, saved, moved and shown as any other."""

from __future__ import annotations

import copy
import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import cellwright as cw
from tests.layers.pairs import INPUTS, UNITS


@cw.cell(gates="a", vectors={"gain": 2.0})
def own(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
    """A cell of one's own, at the top of a module, as the user of pickle has it."""
    return dict(h=torch.tanh(x.a + r.a * w.gain))


LAYERS = {
    "lstm": lambda: cw.LSTM(INPUTS, UNITS, num_layers=2, bidirectional=True, batch_first=True),
    "gru": lambda: cw.GRU(INPUTS, UNITS, bias=False),
    "rnn": lambda: cw.RNN(INPUTS, UNITS, nonlinearity="relu"),
    "own": lambda: cw.Recurrent(own, INPUTS, UNITS),
}


@pytest.fixture(params=LAYERS)
def layer(request: pytest.FixtureRequest) -> cw.Recurrent:
    torch.manual_seed(0)
    return LAYERS[request.param]()


def output(layer: cw.Recurrent) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        return layer(torch.randn(4, 3, INPUTS, generator=generator))[0]


def test_a_deep_copy_is_equal_and_apart(layer: cw.Recurrent) -> None:
    before = output(layer)
    twin = copy.deepcopy(layer)
    assert torch.equal(output(twin), before)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.mul_(2)
    assert torch.equal(output(layer), before)
    assert not torch.equal(output(twin), before)


def test_a_copy_has_the_same_cell(layer: cw.Recurrent) -> None:
    assert copy.copy(layer).cell is layer.cell
    assert copy.deepcopy(layer).cell is layer.cell
    assert copy.deepcopy(layer.cell) is layer.cell


def test_a_pickle_is_equal_and_has_the_same_cell(layer: cw.Recurrent) -> None:
    twin = pickle.loads(pickle.dumps(layer))
    assert twin.cell is layer.cell
    assert torch.equal(output(twin), output(layer))


def test_torch_saves_and_loads_a_module(layer: cw.Recurrent, tmp_path: Path) -> None:
    torch.save(layer, tmp_path / "layer.pt")
    assert torch.equal(output(torch.load(tmp_path / "layer.pt", weights_only=False)), output(layer))


def test_a_state_dict_goes_round(layer: cw.Recurrent) -> None:
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    twin = copy.deepcopy(layer)
    twin.reset_parameters()
    assert not torch.equal(output(twin), output(layer))
    assert not twin.load_state_dict(torch.load(file, weights_only=True)).missing_keys
    assert torch.equal(output(twin), output(layer))


@pytest.mark.parametrize("name", ["weight_hh_l0", "bias_ih_l0"])
def test_a_state_dict_that_does_not_fit_is_refused(name: str) -> None:
    lstm = cw.LSTM(INPUTS, UNITS)
    values = lstm.state_dict()
    with pytest.raises(RuntimeError, match=name):
        lstm.load_state_dict({key: each for key, each in values.items() if key != name})
    with pytest.raises(RuntimeError, match=name):
        lstm.load_state_dict(values | {name: values[name][:-1]})


def test_to_another_dtype_and_back(layer: cw.Recurrent) -> None:
    x = torch.randn(4, 3, INPUTS)
    expected, _ = layer(x)
    wide, _ = layer.double()(x.double())
    assert wide.dtype == torch.float64
    assert torch.allclose(wide, expected.double(), rtol=1e-5, atol=1e-6)
    assert torch.equal(layer.float()(x)[0], expected)


def test_device_and_dtype_at_the_start() -> None:
    layer = cw.GRU(INPUTS, UNITS, device="meta", dtype=torch.float64)
    assert {(each.device.type, each.dtype) for each in layer.parameters()} == {("meta", torch.float64)}
    layer.to_empty(device="cpu").reset_parameters()
    assert torch.isfinite(layer(torch.zeros(2, 3, INPUTS).double())[0]).all()


def test_evaluation_has_gradients_too(layer: cw.Recurrent) -> None:
    layer.eval()
    layer(torch.randn(4, 3, INPUTS))[0].square().sum().backward()
    assert all(each.grad is not None and bool(each.grad.any()) for each in layer.parameters())


def test_it_stands_in_containers() -> None:
    class First(nn.Module):
        def forward(self, result: tuple[Tensor, object]) -> Tensor:
            return result[0]

    model = nn.Sequential(cw.LSTM(INPUTS, UNITS), First(), nn.Linear(UNITS, 2))
    assert list(model.state_dict())[:2] == ["0.weight_ih_l0", "0.weight_hh_l0"]
    assert model(torch.randn(4, 3, INPUTS)).shape == (4, 3, 2)


def test_hooks_see_calls(layer: cw.Recurrent) -> None:
    seen = []
    handle = layer.register_forward_hook(lambda module, arguments, result: seen.append(result[0].shape))
    layer(torch.randn(4, 3, INPUTS))
    handle.remove()
    layer(torch.randn(4, 3, INPUTS))
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("layer", "shown"),
    [
        (cw.LSTM(80, 12), "LSTM(80, 12)"),
        (cw.LSTM(80, 12, 2, dropout=0.5), "LSTM(80, 12, num_layers=2, dropout=0.5)"),
        (cw.LSTM(80, 12, cell="peephole", precision="ieee"), "LSTM(80, 12, precision='ieee', cell='peephole')"),
        (cw.GRU(3, 4, bias=False, batch_first=True), "GRU(3, 4, bias=False, batch_first=True)"),
        (cw.RNN(3, 4, nonlinearity="relu"), "RNN(3, 4, nonlinearity='relu')"),
        (cw.Recurrent(own, 3, 4, bidirectional=True), "Recurrent('own', 3, 4, bidirectional=True)"),
    ],
)
def test_repr(layer: cw.Recurrent, shown: str) -> None:
    assert repr(layer) == shown


def test_the_repr_of_a_cell() -> None:
    assert repr(cw.cells["lstm"]) == "<cell lstm: gates i f g o, state h c>"


def test_a_cell_that_could_not_be_loaded_again_is_not_saved(tmp_path: Path) -> None:
    @cw.cell(gates="a")
    def inner(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
        return dict(h=torch.tanh(x.a + r.a))

    for cell in (inner, cw.Cell(output_of, "output_of", ("a",), ("h",), {})):
        with pytest.raises(cw.CellError, match=f"the cell {cell.name} cannot be saved, since .* is not it"):
            torch.save(cw.Recurrent(cell, INPUTS, UNITS), tmp_path / "layer.pt")


def output_of(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
    return dict(h=torch.tanh(x.a + r.a))


def test_kinds_have_the_names_of_torch() -> None:
    for ours, theirs in ((cw.LSTM(3, 4), nn.LSTM(3, 4)), (cw.GRU(3, 4), nn.GRU(3, 4)), (cw.RNN(3, 4), nn.RNN(3, 4))):
        assert ours.mode == theirs.mode
        assert repr(ours) == repr(theirs)
    assert cw.RNN(3, 4, nonlinearity="relu").mode == "RNN_RELU"


def test_dropout_of_one_layer_is_told_to_do_nothing() -> None:
    with pytest.warns(UserWarning, match="acts between layers, but there is only one"):
        cw.LSTM(3, 4, dropout=0.5)


def test_numbers_of_numpy_are_numbers() -> None:
    layer = cw.LSTM(3, 4, 2, dropout=np.float32(0.25), zoneout=np.float64(0.1), forget_bias=np.float32(1))
    assert (layer.dropout, layer.regularisation.kept) == (0.25, (0.1, 0.1))


def test_a_layer_whose_parameters_are_elsewhere_runs() -> None:
    layer, x = cw.LSTM(3, 4), torch.randn(5, 2, 3)
    replica = layer._replicate_for_data_parallel()
    for name, each in layer._parameters.items():
        setattr(replica, name, each.detach().clone())
    assert torch.equal(replica(x)[0], layer(x)[0])


def test_resets_come_to_the_device_of_the_input() -> None:
    layer, x = cw.LSTM(3, 4), torch.randn(5, 2, 3)
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
        layer(x, reset=torch.ones(5, 2, dtype=torch.bool, device="meta"))


def test_a_default_device_changes_nothing() -> None:
    layer, x = cw.LSTM(3, 4, 2, dropout=0.5, weight_dropout=0.5), torch.randn(5, 2, 3)
    packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([3, 5]), enforce_sorted=False)
    torch.manual_seed(1)
    expected = layer(packed)[0].data
    torch.manual_seed(1)
    with torch.device("meta"):
        assert torch.equal(layer(packed)[0].data, expected)


def test_hooks_of_every_kind_come_before_a_trace() -> None:
    layer, x = cw.LSTM(3, 4), torch.randn(5, 2, 3)
    layer.register_forward_pre_hook(lambda module, arguments, keywords: None, with_kwargs=True)
    layer.register_forward_pre_hook(
        lambda module, arguments, keywords: ((2 * arguments[0],), keywords), with_kwargs=True
    )
    assert torch.equal(layer.trace(x).output, layer(x)[0])
    layer.register_forward_pre_hook(lambda module, arguments: (arguments[0], None))
    with pytest.raises(cw.InputError, match="may change the input here, but bring nothing else"):
        layer.trace(x)
