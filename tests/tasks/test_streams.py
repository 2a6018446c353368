"""Batches: streams to learn from, windows to measure on."""

import pytest
import torch

from cellwright.errors import DataError
from cellwright.tasks.batches import IGNORED
from cellwright.tasks.text import Windows
from cellwright.tasks.text.streams import ANEW, Streams


@pytest.mark.parametrize(("tokens", "batch", "length"), [(1000, 4, 7), (97, 3, 8), (200, 1, 50), (1000, 8, 1)])
@pytest.mark.parametrize("epoch", [0, 1, 5])
def test_each_chunk_goes_on_where_the_one_before_it_ended(tokens, batch, length, epoch):
    streams = Streams(torch.arange(tokens), batch, length, epoch)
    chunks = list(streams)
    read = torch.cat([chunk.tokens for chunk in chunks], dim=1)
    targets = torch.cat([chunk.targets for chunk in chunks], dim=1)
    assert len(chunks) == len(streams)
    assert read.shape == (batch, len(streams) * length)
    assert torch.equal(targets, read + 1)
    assert torch.equal(read[:, 1:], read[:, :-1] + 1)
    assert chunks[0].begins.all()


@pytest.mark.parametrize("batch", [2, 7, 16, 100])
@pytest.mark.parametrize("epoch", [0, 1])
def test_every_stream_begins_anew_after_so_many_chunks_and_never_all_at_once(batch, epoch):
    streams = Streams(torch.arange(batch * 4 * 3 * ANEW), batch, 4, epoch)
    begins = torch.stack([chunk.begins for chunk in streams], dim=1)[:, 1:]
    for row in begins:
        places = row.nonzero().flatten()
        assert len(places) >= 2
        assert (places.diff() == ANEW).all()
    assert begins.sum(0).max() <= -(-batch // ANEW)


def test_streams_that_are_divided_begin_anew_where_they_would_together():
    streams = Streams(torch.arange(2000), batch=6, length=4)
    parts = [streams.part(number, 2) for number in range(2)]
    for whole, *halves in zip(streams, *parts, strict=True):
        for number, half in enumerate(halves):
            assert torch.equal(half.begins, whole.begins[number::2])
            assert torch.equal(half.tokens, whole.tokens[number::2])


def test_the_streams_lie_end_to_end_in_the_text():
    chunks = list(Streams(torch.arange(101), batch=4, length=5))
    read = torch.cat([chunk.tokens for chunk in chunks], dim=1)
    assert torch.equal(read.flatten(), torch.arange(read.numel()))


def test_epochs_begin_at_different_places_but_have_the_same_length():
    epochs = [Streams(torch.arange(1000), 4, 16, epoch) for epoch in range(16)]
    assert len({len(streams) for streams in epochs}) == 1
    assert len({int(streams[0].tokens[0, 0]) for streams in epochs}) > 8


def test_the_shortest_text_is_just_enough_and_one_token_less_is_not():
    assert len(Streams(torch.arange(15), batch=2, length=5)) == 1
    with pytest.raises(DataError, match="at least 15 tokens for 2 streams in chunks of 5, but has 14"):
        Streams(torch.arange(14), batch=2, length=5)


def test_a_place_outside_is_an_error_and_a_slice_a_list():
    streams = Streams(torch.arange(100), batch=2, length=5)
    with pytest.raises(IndexError):
        streams[len(streams)]
    assert len(streams[2:4]) == 2
    assert torch.equal(streams[-1].tokens, streams[len(streams) - 1].tokens)


@pytest.mark.parametrize("tokens", [2, 3, 17, 100, 1023, 5000])
@pytest.mark.parametrize(("rows", "length", "warm_up"), [(64, 128, 256), (4, 10, 8), (3, 7, 20)])
def test_windows_predict_every_token_but_the_first_exactly_once(tokens, rows, length, warm_up):
    predicted = [chunk.targets.flatten() for chunk in Windows(torch.arange(tokens), rows, length, warm_up)]
    found = torch.cat(predicted)
    assert sorted(found[found != IGNORED].tolist()) == list(range(1, tokens))


def test_windows_read_the_warm_up_before_their_own():
    windows = Windows(torch.arange(1000), rows=4, length=1000, warm_up=20)
    chunk = windows[0]
    for row in range(1, 4):
        first = int((chunk.targets[row] != IGNORED).nonzero()[0])
        assert first == 20
    assert torch.equal(chunk.tokens[:, 1:] - chunk.tokens[:, :-1] == 1, torch.ones(4, chunk.tokens.shape[1] - 1).bool())


def test_a_limit_measures_about_so_many_spread_over_the_text():
    windows = Windows(torch.arange(100_000), rows=10, warm_up=32, limit=1000)
    targets = torch.cat([chunk.targets for chunk in windows], dim=1)
    measured = targets[targets != IGNORED]
    assert 1000 <= len(measured) <= 1100
    assert int(measured.max()) > 85_000


def test_nothing_to_predict_is_refused():
    with pytest.raises(DataError, match="at least 2 tokens, but has 1"):
        Windows(torch.arange(1))
