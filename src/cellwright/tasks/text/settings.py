"""What a language model and its batches are made of, and good values for a text of a given size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ...cells import cells
from ...errors import InputError, nearest

RANGES = {
    "vocabulary_size": (257, 1_000_000),
    "embedding": (1, 65_536),
    "hidden": (1, 65_536),
    "layers": (1, 100),
    "batch": (1, 65_536),
    "chunk": (1, 1_000_000),
}


@dataclass(frozen=True)
class TextSettings:
    """Everything about the text task that a recipe keeps.

    Attributes:
        vocabulary: `characters`, or `bpe` for byte pairs.
        vocabulary_size: most tokens of a byte-pair vocabulary.
        cell: name of the recurrent cell.
        embedding, hidden: numbers per token and units per layer.
        layers: how many recurrent layers stand on each other.
        dropout: probability to drop a unit between layers and before the softmax.
        tie: the softmax shares the weights of the embedding (Press & Wolf, 2017).
        batch: streams read side by side.
        chunk: tokens per chunk, the reach of truncated backpropagation.
        validation: share of the text, at its end, that is kept for validation.

    Raises:
        InputError: a number is out of range, or there is no such cell.
    """

    vocabulary: Literal["characters", "bpe"] = "characters"
    vocabulary_size: int = 2048
    cell: str = "lstm"
    embedding: int = 64
    hidden: int = 512
    layers: int = 1
    dropout: float = 0.2
    tie: bool = False
    batch: int = 16
    chunk: int = 64
    validation: float = 0.1

    def __post_init__(self) -> None:
        if self.cell not in cells:
            raise InputError(f"--cell must name a cell, not {self.cell!r}; {nearest(self.cell, cells)}")
        for name, (least, most) in RANGES.items():
            if not least <= getattr(self, name) <= most:
                raise InputError(f"{option(name)} must be from {least} to {most}, not {getattr(self, name)}; change it")
        if not 0 <= self.dropout < 1:
            raise InputError(f"--dropout must be from 0 to below 1, not {self.dropout:g}; 0.2 is usual")
        if not 0 < self.validation < 1:
            raise InputError(f"--validation must lie between 0 and 1, not {self.validation:g}; 0.1 is usual")


def option(name: str) -> str:
    """A setting as the command line spells it.

    >>> option("vocabulary_size")
    '--vocabulary-size'
    """
    return "--" + name.replace("_", "-")


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
