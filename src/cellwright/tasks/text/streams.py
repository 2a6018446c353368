"""A text as batches: parallel streams to learn from, and windows to measure on."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from copy import copy
from typing import NamedTuple, overload

import torch
from torch import Tensor

from ...errors import DataError
from ..batches import IGNORED
from ..task import Divisible


class TextBatch(NamedTuple):
    """One chunk of every stream; B streams, T tokens.

    Attributes:
        tokens: what is read, int64 `[B, T]`.
        targets: the token after each, int64 `[B, T]`; `IGNORED` where nothing is to be predicted.
        begins: which streams begin here, so that no state is carried in, bool `[B]`.
        characters: for how many characters a token stands, on average.
    """

    tokens: Tensor
    targets: Tensor
    begins: Tensor
    characters: float = 1.0


class Chunks(Sequence[TextBatch]):
    """What streams and windows share: a sequence of chunks, made when asked for."""

    @overload
    def __getitem__(self, index: int) -> TextBatch: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[TextBatch]: ...
    def __getitem__(self, index: int | slice) -> TextBatch | Sequence[TextBatch]:
        if isinstance(index, slice):
            return [self.chunk(each) for each in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"there are {len(self)} chunks, none at {index}")
        return self.chunk(index % len(self))

    @abstractmethod
    def chunk(self, index: int) -> TextBatch:
        """The chunk at a place from 0 to `len(self) - 1`."""


ANEW = 16
"""Chunks after which a stream begins anew."""


class Streams(Chunks, Divisible):
    """A text cut into `batch` contiguous streams, read side by side, `length` tokens at a time.

    A state carried from chunk to chunk thus always meets the text that follows. Every `ANEW` chunks a stream
    begins without one, each in its turn: who measures or writes begins so, and where a network has not been
    it is lost. Each epoch begins a little later in the text, so that the cuts fall elsewhere; what remains at
    the end is left out.

    Args:
        tokens: `[tokens]`.
        batch: how many streams.
        length: tokens per chunk; the reach of truncated backpropagation (Williams & Peng, 1990).
        epoch: number of the epoch, from 0.

    Raises:
        DataError: the text is too short for one chunk of every stream.

    >>> streams = Streams(torch.arange(14), batch=2, length=3, epoch=0)
    >>> len(streams)
    1
    >>> streams[0].tokens.tolist(), streams[0].targets.tolist()
    ([[0, 1, 2], [3, 4, 5]], [[1, 2, 3], [4, 5, 6]])
    """

    def __init__(self, tokens: Tensor, batch: int, length: int, epoch: int = 0) -> None:
        self.length = length
        self.chunks = (len(tokens) - length) // (batch * length)
        if self.chunks < 1:
            raise DataError(
                f"the text to learn from must have at least {(batch + 1) * length} tokens for {batch} "
                f"streams in chunks of {length}, but has {len(tokens)}; bring more text, or lower --batch or "
                "--chunk"
            )
        begin = epoch * (length // 2 + 1) % length
        end = begin + batch * self.chunks * length
        self.tokens = tokens[begin:end].view(batch, -1)
        self.targets = tokens[begin + 1 : end + 1].view(batch, -1)
        self.turns = torch.arange(batch) * ANEW // batch + epoch * self.chunks

    def __len__(self) -> int:
        return self.chunks

    def part(self, number: int, count: int) -> Streams:
        """Every `count`-th stream, from one number on."""
        found = copy(self)
        own = slice(number, None, count)
        found.tokens, found.targets, found.turns = self.tokens[own], self.targets[own], self.turns[own]
        return found

    def chunk(self, index: int) -> TextBatch:
        """The chunk at a place in every stream."""
        part = slice(index * self.length, (index + 1) * self.length)
        begins = torch.full_like(self.turns, index == 0, dtype=torch.bool) | ((self.turns + index) % ANEW == 0)
        return TextBatch(self.tokens[:, part].long(), self.targets[:, part].long(), begins)


class Windows(Chunks):
    """A text cut into windows, so that many rows measure it at once as one pass would.

    Each window first reads the `warm_up` tokens before its own, unmeasured, to have a state; the first
    window measures those too. So every token but the very first is predicted once, from at least
    `warm_up` tokens before it (or all there are).

    Args:
        tokens: `[tokens]`, at least two.
        rows: how many windows side by side, at most; fewer if they would be shorter than four warm-ups.
        length: tokens per chunk.
        warm_up: tokens to read before a window.
        limit: measure about this many tokens, spread evenly over the text; None measures all.
        characters: for how many characters a token stands, on average.

    Raises:
        DataError: there is nothing to predict.

    >>> windows = Windows(torch.arange(17), rows=2, length=9, warm_up=2)
    >>> windows[0].targets.tolist()
    [[1, 2, 3, 4, 5, 6, 7, 8, 9], [-100, -100, 10, 11, 12, 13, 14, 15, 16]]
    """

    def __init__(
        self,
        tokens: Tensor,
        rows: int = 64,
        length: int = 128,
        warm_up: int = 256,
        limit: int | None = None,
        characters: float = 1.0,
    ) -> None:
        predicted = len(tokens) - 1
        if predicted < 1:
            raise DataError(f"a text to measure must have at least 2 tokens, but has {len(tokens)}; bring more text")
        rows = max(1, min(rows, predicted // (4 * warm_up)))
        stride = -(-max(predicted - warm_up, 0) // rows)
        self.tokens = tokens
        self.length = length
        self.starts = torch.arange(rows) * stride
        measured = stride if limit is None else min(stride, max(limit // rows, 1))
        self.steps = min(predicted, warm_up + measured)
        self.warm_up = warm_up
        self.characters = characters

    def __len__(self) -> int:
        return -(-self.steps // self.length)

    def chunk(self, index: int) -> TextBatch:
        """The chunk at a place in every window."""
        steps = torch.arange(index * self.length, min((index + 1) * self.length, self.steps))
        places = self.starts[:, None] + steps
        last = len(self.tokens) - 1
        targets = self.tokens[(places + 1).clamp(max=last)].long()
        targets[places >= last] = IGNORED
        targets[1:, steps < self.warm_up] = IGNORED
        begins = torch.full((len(self.starts),), index == 0)
        return TextBatch(self.tokens[places.clamp(max=last)].long(), targets, begins, self.characters)
