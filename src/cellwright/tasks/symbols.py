"""Names by number: words, characters, tags, classes."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ..errors import DataWarning, RunError

NAMED = 20
"""Names that a message lists."""


class Symbols:
    """Some names, numbered in their order from `first` on.

    >>> letters = Symbols("abc", first=1)
    >>> letters.number("b"), letters.number("z", 0), letters.name(2), len(letters)
    (2, 0, 'b', 3)
    """

    def __init__(self, names: Iterable[str], first: int = 0) -> None:
        self.names = tuple(names)
        self.first = first
        self.numbers = {name: n for n, name in enumerate(self.names, first)}

    def __len__(self) -> int:
        return len(self.names)

    def number(self, name: str, otherwise: int | None = None) -> int:
        """The number of a name; of one that is not there, the other number.

        Raises:
            KeyError: it is not there, and there is no other number.
        """
        return self.numbers[name] if otherwise is None else self.numbers.get(name, otherwise)

    def name(self, number: int) -> str:
        """The name of a number."""
        return self.names[number - self.first]


def tell_unlearned(what: str, names: Iterable[str], known: Symbols) -> None:
    """Warn of names to be measured on that were never learned, and so can only be missed."""
    strange = Counter(name for name in names if name not in known.numbers)
    if strange:
        named = listed([f"{name} ({count:,})" for name, count in strange.most_common()])
        warnings.warn(f"{what} that were never learned count as missed, so often: {named}", DataWarning, stacklevel=3)


def listed(names: Sequence[str]) -> str:
    """Names in a message, the first of them if they are many.

    >>> listed(["a", "b"])
    'a, b'
    """
    more = f", and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def to_json(tables: Mapping[str, Sequence[object]]) -> bytes:
    """Tables of names or numbers as the content of a file of a run."""
    return json.dumps({name: list(table) for name, table in tables.items()}, ensure_ascii=False, indent=0).encode()


def has_table(content: str, name: str) -> bool:
    """Whether a file of a run has a table of a name.

    Raises:
        RunError: the content is something else.

    >>> has_table(to_json({"tags": ["columns"]}).decode(), "columns")
    False
    """
    try:
        found = json.loads(content)
    except ValueError as error:
        raise RunError(f"the tables of a run must be JSON, but: {error}; put the run's own file back") from error
    return isinstance(found, dict) and name in found


def from_json(content: str, names: Sequence[str]) -> list[list[str]]:
    """The tables of these names, out of a file of a run.

    Raises:
        RunError: the content is something else.

    >>> from_json(to_json({"tags": ["N", "V"]}).decode(), ["tags"])
    [['N', 'V']]
    """
    try:
        found = json.loads(content)
        return [list(found[name]) for name in names]
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"the vocabulary of a run must be JSON with {', '.join(names)}, but: {error!r}; put the run's own file back"
        ) from error
