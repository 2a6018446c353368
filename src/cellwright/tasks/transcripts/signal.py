"""Signals in files, and what they say."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Signal:
    """A recording or an image in a file, and what it says.

    Attributes:
        path: of the file.
        transcript: None where it is not known.
        length: seconds of a recording, or how many times as wide as high an image is.
    """

    path: Path
    transcript: str | None
    length: float

    @property
    def place(self) -> str:
        """Its path."""
        return str(self.path)


def composed(transcript: str) -> str:
    r"""A transcript as it is learned and compared: Unicode's composed form, and single spaces.

    >>> composed(" e\u0301  a ")
    'é a'
    """
    return " ".join(unicodedata.normalize("NFC", transcript).split())
