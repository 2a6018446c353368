"""The language model: shapes, tying, carried state, forget gates."""

import dataclasses

import pytest
import torch

from cellwright.cells import cells
from cellwright.errors import InputError
from cellwright.tasks.text import LanguageModel, TextSettings, text_step
from cellwright.tasks.text.streams import Streams

SETTINGS = TextSettings(embedding=6, hidden=10, layers=2, dropout=0.0)


@pytest.mark.parametrize("tie", [False, True])
@pytest.mark.parametrize("cell", list(cells))
def test_scores_have_one_number_per_token_of_the_vocabulary(cell, tie):
    network = LanguageModel(17, dataclasses.replace(SETTINGS, cell=cell, tie=tie))
    scores, _ = network(torch.zeros(3, 4, dtype=torch.long))
    assert scores.shape == (3, 4, 17)
    scores.sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_tied_weights_are_one_parameter():
    free, tied = (LanguageModel(100, dataclasses.replace(SETTINGS, tie=tie)) for tie in (False, True))
    count = [sum(weight.numel() for weight in network.parameters()) for network in (free, tied)]
    assert count[0] - count[1] == (10 * 100 + 100) - (10 * 6 + 6 + 100)
    assert {tuple(weight.shape) for weight in tied.parameters()}.isdisjoint({(100, 10)})


@pytest.mark.parametrize("cell", list(cells))
def test_a_carried_state_makes_chunks_equal_to_one_pass(cell):
    torch.manual_seed(0)
    network = LanguageModel(9, dataclasses.replace(SETTINGS, cell=cell))
    tokens = torch.randint(0, 9, (2, 12))
    whole, _ = network(tokens)
    first, state = network(tokens[:, :5])
    second, _ = network(tokens[:, 5:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)


@pytest.mark.parametrize("cell", list(cells))
def test_a_step_carries_the_state_without_its_history_and_drops_it_where_streams_begin(cell):
    torch.manual_seed(0)
    network = LanguageModel(9, dataclasses.replace(SETTINGS, cell=cell))
    streams = Streams(torch.randint(0, 9, (200,)), batch=2, length=8)
    carried = text_step(network, streams[0], None).carried
    parts = carried if isinstance(carried, tuple) else (carried,)
    assert all(not part.requires_grad for part in parts)
    assert text_step(network, streams[0], carried).loss == text_step(network, streams[0], None).loss
    assert text_step(network, streams[1], carried).loss != text_step(network, streams[1], None).loss
    one = text_step(network, streams[1]._replace(begins=torch.tensor([False, True])), carried).carried
    both = [text_step(network, streams[1], state).carried for state in (carried, None)]
    for found, kept, begun in zip(*([each] if torch.is_tensor(each) else each for each in (one, *both)), strict=True):
        torch.testing.assert_close(found[:, 0], kept[:, 0])
        torch.testing.assert_close(found[:, 1], begun[:, 1])


def test_forget_gates_begin_open():
    torch.manual_seed(0)
    network = LanguageModel(9, SETTINGS)
    for layer in range(2):
        bias = sum(network.recurrent.get_parameter(f"{kind}_l{layer}") for kind in ("bias_ih", "bias_hh"))
        assert torch.equal(bias[10:20], torch.ones(10))
        assert (bias[:10].abs() < 1).all()


def test_a_cell_that_is_not_there_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="not 'lsmt'; did you mean 'lstm'"):
        dataclasses.replace(SETTINGS, cell="lsmt")


@pytest.mark.parametrize(
    ("name", "value"),
    [("hidden", 0), ("layers", -1), ("batch", 0), ("dropout", 1.0), ("dropout", -0.1), ("validation", 1.5)],
)
def test_settings_out_of_range_are_refused_with_the_value(name, value):
    with pytest.raises(InputError, match=f"--{name} must .*not {value:g};"):
        dataclasses.replace(SETTINGS, **{name: value})
