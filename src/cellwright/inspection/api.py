"""What the page asks, and what it is answered: each question a function of an inspection and some parameters."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError, nearest
from . import drawn, views
from .inspection import Inspection
from .parameters import Query, whole
from .passes import Pass


class Answer(NamedTuple):
    """What is sent: bytes, and what kind they are."""

    kind: str
    content: bytes


class Viewer:
    """An inspection that is looked at; remembers what takes long to work out.

    Args:
        inspection: what to show.
        title: of the page.

    >>> import torch, cellwright as cw
    >>> viewer = Viewer(cw.inspect(cw.LSTM(3, 4), torch.randn(9, 3)), "first")
    >>> json.loads(viewer.answer("about", {}).content)["steps"]
    9
    """

    def __init__(self, inspection: Inspection, title: str) -> None:
        self.inspection, self.title = inspection, title
        self.kept: dict[tuple[Any, ...], Any] = {}
        self.lock, self.locks = Lock(), defaultdict[tuple[Any, ...], Lock](Lock)

    def answer(self, name: str, query: Query) -> Answer:
        """The answer to a question.

        Raises:
            InputError: there is no such question, or a parameter is wrong.
        """
        if name not in QUESTIONS:
            raise InputError(f"there is no question {name!r}; {nearest(name, QUESTIONS)}")
        with np.errstate(all="ignore"):  # what is no number is marked in the page
            found = QUESTIONS[name](self, query)
        if isinstance(found, bytes):
            return Answer("application/octet-stream", found)
        return Answer("application/json", json.dumps(plain(found), allow_nan=False).encode())

    def once(self, *key: Any, make: Callable[[], Any]) -> Any:
        """Something that is worked out when it is first asked for."""
        with self.lock:
            mine = self.locks[key]
        with mine:
            if key not in self.kept:
                self.kept[key] = make()
            return self.kept[key]

    def made(self, query: Query) -> Pass:
        """The pass that is asked for, by its number."""
        return self.inspection.passes[whole(query, "pass", len(self.inspection.passes))]


def plain(value: Any) -> Any:
    """For JSON: arrays as lists, and numbers that are none as the names that JavaScript has for them.

    >>> plain({"a": np.array([1.0, np.inf]), "b": float("nan")})
    {'a': [1.0, 'Infinity'], 'b': 'NaN'}
    """
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return plain(vars(value)) if dataclasses.is_dataclass(value) else value


QUESTIONS: dict[str, Callable[[Viewer, Query], Any]] = {
    "about": drawn.about,
    "scale": drawn.scale,
    "tile": drawn.tile,
    "values": drawn.values,
    "cell": views.cell,
    "lesson": views.lesson,
    "memory": views.memory,
    "half": views.half,
    "health": views.health,
    "gradients": views.gradients,
    "ledger": views.book,
    "search": views.search,
    "order": views.ordered,
    "track": drawn.track,
    "changes": views.changes,
    "why": views.why,
}
