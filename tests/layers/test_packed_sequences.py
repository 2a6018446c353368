"""Packed sequences go in and come out as with torch's modules."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence, pad_packed_sequence

import cellwright as cw
from tests.agreement import TOLERANCE, assert_agree
from tests.layers.pairs import INPUTS, KINDS, drawn_state, everything, pair

SORTED, UNSORTED = [7, 5, 5, 2, 1], [2, 7, 1, 5, 5]


def packed(lengths: list[int], dtype: torch.dtype = torch.float64, batch_first: bool = False) -> PackedSequence:
    """Random sequences, packed, with a gradient for the data."""
    torch.manual_seed(0)
    x = torch.randn(len(lengths), max(lengths), INPUTS, dtype=dtype)
    x = x if batch_first else x.transpose(0, 1)
    in_order = lengths == sorted(lengths, reverse=True)
    result = pack_padded_sequence(x, torch.tensor(lengths), batch_first, enforce_sorted=in_order)
    return result._replace(data=result.data.detach().requires_grad_())


@pytest.mark.parametrize("with_state", [False, True])
@pytest.mark.parametrize("lengths", [SORTED, UNSORTED], ids=["sorted", "unsorted"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_equal_to_torch(kind: str, bidirectional: bool, lengths: list[int], with_state: bool) -> None:
    theirs, ours = pair(kind, num_layers=2, bidirectional=bidirectional)
    x, state = packed(lengths), drawn_state(theirs, len(lengths)) if with_state else None
    assert_agree(everything(ours, x, state), everything(theirs, x, state), TOLERANCE[torch.float64])


@pytest.mark.parametrize("kind", KINDS)
def test_single_precision(kind: str) -> None:
    theirs, ours = pair(kind, torch.float32, bidirectional=True)
    x = packed(UNSORTED, torch.float32)
    assert_agree(everything(ours, x), everything(theirs, x), TOLERANCE[torch.float32])


@pytest.mark.parametrize("lengths", [SORTED, UNSORTED], ids=["sorted", "unsorted"])
def test_the_result_is_packed_as_the_input(lengths: list[int]) -> None:
    theirs, ours = pair("lstm", bidirectional=True)
    x = packed(lengths)
    found: Any = ours(x)[0]
    expected: Any = theirs(x)[0]
    assert isinstance(found, PackedSequence)
    assert torch.equal(found.batch_sizes, expected.batch_sizes)
    for name in ("sorted_indices", "unsorted_indices"):
        one, other = getattr(found, name), getattr(expected, name)
        assert (one is None) == (other is None)
        assert one is None or torch.equal(one, other)
    ours_again, theirs_again = (pad_packed_sequence(each, batch_first=True) for each in (found, expected))
    assert torch.allclose(ours_again[0], theirs_again[0])
    assert torch.equal(ours_again[1], theirs_again[1])


def test_batch_first_does_not_matter_for_packed_sequences() -> None:
    theirs, ours = pair("lstm", batch_first=True)
    x = packed(UNSORTED, batch_first=True)
    assert_agree(everything(ours, x), everything(theirs, x), TOLERANCE[torch.float64])


def test_packed_and_padded_with_lengths_are_the_same() -> None:
    _, ours = pair("gru", num_layers=2, bidirectional=True)
    torch.manual_seed(0)
    sequences = [torch.randn(length, INPUTS).double() for length in UNSORTED]
    padded = torch.nn.utils.rnn.pad_sequence(sequences)
    y, h = ours(pack_sequence(sequences, enforce_sorted=False))
    expected, last = ours(padded, lengths=torch.tensor(UNSORTED))
    assert torch.equal(pad_packed_sequence(y)[0], expected)
    assert torch.equal(h, last)


@pytest.mark.parametrize("extra", [dict(lengths=torch.tensor(SORTED)), dict(reset=torch.zeros(7, 5).bool())])
def test_lengths_and_resets_do_not_go_with_packed_sequences(extra: dict[str, torch.Tensor]) -> None:
    _, ours = pair("lstm")
    with pytest.raises(cw.InputError, match="a PackedSequence brings its lengths; pass a padded tensor"):
        ours(packed(SORTED), **extra)


def test_a_packed_sequence_of_another_width_is_refused() -> None:
    with pytest.raises(cw.InputError, match=r"input_size 4, but is \[20, 5\]"):
        cw.LSTM(4, 3).double()(packed(SORTED))


def test_a_state_for_another_batch_is_refused() -> None:
    theirs, ours = pair("lstm")
    with pytest.raises(cw.InputError, match=r"of the shapes \[1, 5, 7\]"):
        ours(packed(UNSORTED), drawn_state(theirs, 4))
