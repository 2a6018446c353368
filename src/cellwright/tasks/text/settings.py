"""What a language model and its batches are made of, and good values for a text of a given size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ..recurrent import RecurrentSettings, in_range


@dataclass(frozen=True, kw_only=True)
class TextSettings(RecurrentSettings):
    """Everything about the text task that a recipe keeps.

    Attributes:
        vocabulary: what a token is: a character, or a pair of bytes often met.
        vocabulary_size: most tokens of a byte-pair vocabulary.
        embedding: numbers per token.
        tie: the softmax shares the weights of the embedding (Press & Wolf, 2017).
        chunk: tokens per chunk, the reach of truncated backpropagation.

    Raises:
        InputError: a number is out of range, or there is no such cell.
    """

    vocabulary: Literal["characters", "bpe"] = "characters"
    vocabulary_size: int = 2048
    embedding: int = 64
    hidden: int = 512
    dropout: float = 0.2
    tie: bool = False
    batch: int = 16
    chunk: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range(self, 257, 1_000_000, "vocabulary_size")
        in_range(self, 1, 65_536, "embedding")
        in_range(self, 1, 1_000_000, "chunk")


@dataclass(frozen=True)
class Size:
    """Good values for texts of up to `characters` characters."""

    characters: float
    hidden: int
    layers: int
    dropout: float
    batch: int
    chunk: int
    learning_rate: float
    minutes: float


SIZES = (
    Size(2_000, hidden=64, layers=1, dropout=0.2, batch=2, chunk=32, learning_rate=2e-2, minutes=0.3),
    Size(20_000, hidden=128, layers=1, dropout=0.3, batch=4, chunk=32, learning_rate=2e-2, minutes=1),
    Size(300_000, hidden=256, layers=1, dropout=0.2, batch=8, chunk=64, learning_rate=1e-2, minutes=4),
    Size(4_000_000, hidden=512, layers=1, dropout=0.3, batch=16, chunk=64, learning_rate=5e-3, minutes=10),
    Size(40_000_000, hidden=768, layers=1, dropout=0.05, batch=32, chunk=64, learning_rate=3e-3, minutes=30),
    Size(math.inf, hidden=1024, layers=2, dropout=0.0, batch=64, chunk=128, learning_rate=2e-3, minutes=60),
)


def size_of(characters: int) -> Size:
    """Good values for a text of this many characters, on the processor of a laptop.

    In minutes a network learns more from many small steps than from few large ones: so the streams are few,
    the chunks short and the learning rate high. A longer text bears a larger network, with less dropout.

    >>> size_of(1_115_394).hidden, size_of(5_000).hidden
    (512, 128)
    """
    return next(size for size in SIZES if characters <= size.characters)


def settings_for(characters: int, vocabulary: Literal["characters", "bpe"] = "characters") -> TextSettings:
    """The defaults for a text of this many characters.

    Byte pairs have a large softmax, so its weights are tied to the embedding, which grows to carry more.

    >>> settings_for(1_115_394).batch
    16
    >>> settings_for(1_115_394, "bpe").tie
    True
    """
    size = size_of(characters)
    pairs = vocabulary == "bpe"
    return TextSettings(
        vocabulary=vocabulary,
        embedding=size.hidden // 2 if pairs else min(64, size.hidden // 2),
        hidden=size.hidden,
        layers=size.layers,
        dropout=size.dropout,
        tie=pairs,
        batch=size.batch,
        chunk=size.chunk,
    )
