"""The errors of Cellwright. Each message states the rule, the value received and the remedy."""

import difflib
from collections.abc import Iterable


class CellwrightError(Exception):
    """Base of every error that Cellwright raises on purpose."""


class CellError(CellwrightError, ValueError):
    """A cell function breaks a rule of `cellwright.cell`."""


class InputError(CellwrightError, ValueError):
    """A layer or function received an argument it cannot use."""


class DataError(CellwrightError, ValueError):
    """A file that a user brought cannot be read as what it should be."""


class DataWarning(UserWarning):
    """Something in a user's data was left out, as the user has asked, or is there to no use."""


class RunError(CellwrightError, RuntimeError):
    """A run folder is missing, incomplete or damaged."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A remedy for a mistyped name: the closest known one, or all of them.

    >>> nearest("peepole", ["lstm", "peephole"])
    "did you mean 'peephole'?"
    """
    options = list(known)
    close = difflib.get_close_matches(name, options, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(map(repr, options))}"
