"""Everything that is wrong with a file, told at once."""

from __future__ import annotations

import warnings
from pathlib import Path

from ..errors import DataError, DataWarning

SHOWN = 20


LONGEST = 60


def brief(cell: str) -> str:
    """A cell as a message quotes it, however long it is.

    >>> brief("12,5")
    "'12,5'"
    """
    return repr(cell if len(cell) <= LONGEST else f"{cell[:LONGEST]}...")


class Faults:
    """Collects faults while a file is read.

    Args:
        source: the path of the file, or what else is read.
        skip: what is faulty is left out, with a warning, instead of refusing the file.

    >>> faults = Faults(Path("tags.txt"))
    >>> faults.add(3, "a word has no tag")
    >>> faults.add(9, "a word has no tag")
    >>> faults.check("bring two columns")
    Traceback (most recent call last):
    cellwright.errors.DataError: 'tags.txt' has 2 faults: line 3: a word has no tag; line 9: ...; bring ...
    """

    def __init__(self, source: Path | str, skip: bool = False) -> None:
        self.source = repr(str(source)) if isinstance(source, Path) else source
        self.skip = skip
        self.found: list[tuple[int | str, str]] = []

    def add(self, place: int | str, what: str) -> None:
        """Note what is wrong in a line, counted from 1, or elsewhere."""
        self.found.append((place, what))

    def check(self, remedy: str) -> None:
        """Go on if there are none, or if they are to be left out.

        Raises:
            DataError: it names the first twenty, and the remedy.
        """
        if not self.found:
            return
        several = f"{len(self.found):,} faults" if len(self.found) > 1 else "a fault"
        shown = "; ".join(
            f"line {place}: {what}" if isinstance(place, int) else f"{place}: {what}"
            for place, what in self.found[:SHOWN]
        )
        more = f"; and {len(self.found) - SHOWN:,} more" if len(self.found) > SHOWN else ""
        if self.skip:
            warnings.warn(f"left out of {self.source}: {several}: {shown}{more}", DataWarning, stacklevel=2)
        else:
            raise DataError(f"{self.source} has {several}: {shown}{more}; {remedy}, or leave them out: --skip")
