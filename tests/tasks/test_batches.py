"""Batches of similar lengths, what is held out, and the recurrent part of all networks."""

from __future__ import annotations

import itertools
import random

import pytest
import torch

from cellwright.errors import InputError
from cellwright.tasks.batches import held_out, shuffled
from cellwright.tasks.recurrent import Encoder, RecurrentSettings


def test_each_epoch_has_every_example_once_in_an_order_of_its_own() -> None:
    lengths = [random.Random(n).randint(1, 40) for n in range(103)]
    first, again, second = (shuffled(lengths, 4, epoch) for epoch in (0, 0, 1))
    assert first == again != second
    assert sorted(n for group in first for n in group) == list(range(103))
    assert len(first) == len(second) == 26


def test_little_is_padded() -> None:
    lengths = [random.Random(n).randint(1, 40) for n in range(800)]
    groups = shuffled(lengths, 8, epoch=0)
    padded = sum(len(group) * max(lengths[n] for n in group) for group in groups)
    assert padded < 1.1 * sum(lengths)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_what_is_held_out_is_spread_evenly(share: float) -> None:
    here, apart = held_out(40, share)
    assert sorted([*here, *apart]) == list(range(40))
    assert len(apart) == 40 * share
    assert {b - a for a, b in itertools.pairwise(apart)} == {round(1 / share)}


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_the_layer_of_pytorch_has_the_same_numbers(cell: str) -> None:
    x, lengths = torch.randn(3, 7, 4), torch.tensor([7, 2, 5])
    found = []
    for switch in (False, True):
        torch.manual_seed(0)
        encoder = Encoder(4, RecurrentSettings(cell=cell, hidden=5, layers=2, torch=switch)).eval()
        found.append((encoder(x, lengths), torch.rand(1)))
    assert torch.allclose(found[0][0], found[1][0], atol=1e-6)
    assert found[0][1] == found[1][1]


def test_forget_gates_begin_open() -> None:
    names = Encoder(4, RecurrentSettings(hidden=5)).recurrent.state_dict()
    assert torch.equal((names["bias_ih_l0"] + names["bias_hh_l0"])[5:10], torch.ones(5))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cell": "lstn"}, "--cell must name a cell, not 'lstn'; did you mean 'lstm'"),
        ({"cell": "peephole", "torch": True}, "--torch has the cells lstm, gru, rnn, but not 'peephole'"),
        ({"hidden": 0}, "--hidden must be from 1 to"),
        ({"dropout": 1.0}, "--dropout must be from 0 to below 1, not 1"),
        ({"validation": 0.0}, "--validation must lie between 0 and 1"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        RecurrentSettings(**settings)  # type: ignore[arg-type]
