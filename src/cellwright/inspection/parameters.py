"""The parameters of a question, read from the text that an address brings."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..errors import InputError

Query = Mapping[str, str]


def whole(query: Query, name: str, end: int, start: int = 0) -> int:
    """A parameter that is a whole number, from `start` to before `end`.

    Raises:
        InputError: it is missing, or something else.
    """
    text = query.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 16 and start <= int(text) < end):
        raise InputError(f"{name} must be a whole number from {start} to {end - 1}, but is {text!r}")
    return int(text)


def span(query: Query, steps: int) -> tuple[int, int]:
    """The parameters `start` and `end`."""
    start = whole(query, "start", steps)
    return start, whole(query, "end", steps + 1, start + 1)


def number(query: Query, name: str) -> float:
    """A parameter that is a finite number.

    Raises:
        InputError: it is missing, or something else.
    """
    text = query.get(name, "")
    try:
        found = float(text) if len(text) < 30 and "_" not in text else math.nan
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise InputError(f"{name} must be a finite number, but is {text!r}")
    return found
