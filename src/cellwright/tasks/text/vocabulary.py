"""What a text is made of: a vocabulary turns text into token numbers and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ...errors import DataError
from ..numbers import Numbers
from .reading import Text, pieces


class Vocabulary(Protocol):
    """Text to token numbers and back."""

    @property
    def unit(self) -> str:
        """What a token is, in the plural."""

    @property
    def size(self) -> int:
        """How many tokens there are."""

    def encode(self, text: str) -> Tensor:
        """The token numbers of a text, int32 `[tokens]`."""

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of token numbers."""

    def decoder(self) -> Callable[[int], str]:
        """A function that takes token after token and gives what text each of them completes."""

    def to_json(self) -> str:
        """The vocabulary as its file holds it."""


class Characters:
    r"""A vocabulary of single characters, in the order of their code points.

    >>> vocabulary = Characters("banana\n")
    >>> vocabulary.size, vocabulary.encode("nab").tolist(), vocabulary.decode([2, 1])
    (4, [3, 1, 2], 'ba')
    """

    unit = "characters"

    def __init__(self, text: str) -> None:
        self.points = np.unique(code_points(text))

    @property
    def size(self) -> int:
        """How many different characters there are."""
        return len(self.points)

    def encode(self, text: str) -> Tensor:
        """The number of each character, int32 `[characters]`.

        Raises:
            DataError: a character is not in the vocabulary.
        """
        points = code_points(text)
        places = np.searchsorted(self.points, points).clip(max=self.size - 1)
        unknown = np.flatnonzero(self.points[places] != points)
        if unknown.size:
            character, place = chr(points[unknown[0]]), int(unknown[0])
            raise DataError(
                f"every character must be one of the {self.size} that the network has learned, but "
                f"{character!r} (character {place + 1}, {unknown.size} such in all) is not; take it out, or "
                "train on text that has it"
            )
        return torch.from_numpy(places.astype(np.int32))

    def decode(self, tokens: Iterable[int]) -> str:
        """The characters of their numbers."""
        return "".join(chr(self.points[token]) for token in tokens)

    def decoder(self) -> Callable[[int], str]:
        """Character by character: each number is complete in itself."""
        return lambda token: chr(self.points[token])

    def to_json(self) -> str:
        """The characters as one string."""
        return json.dumps({"characters": self.decode(range(self.size))}, ensure_ascii=False)


def code_points(text: str) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """The Unicode code points of a text, `[characters]`."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def encoded(vocabulary: Vocabulary, text: Text) -> Tensor:
    """The token numbers of a text, int32 `[tokens]`."""
    found = Numbers("i")
    for piece in pieces(text):
        found.extend(vocabulary.encode(piece).numpy())
    return found.tensor()


def load_vocabulary(content: str) -> Vocabulary:
    """The vocabulary that a file holds: characters, or byte pairs as `tokenizers` writes them.

    Raises:
        DataError: the content is neither.

    >>> load_vocabulary(Characters("abc").to_json()).size
    3
    """
    try:
        found = json.loads(content)
    except ValueError as error:
        raise DataError(f"a vocabulary must be JSON, but: {error}; take the run's own file back") from error
    if isinstance(found, dict) and isinstance(found.get("characters"), str):
        return Characters(found["characters"])
    from .bytepairs import BytePairs  # `tokenizers` is wanted only by those who use it

    return BytePairs(content)
