"""The recipe of a run: everything that makes its numbers what they are."""

from __future__ import annotations

import dataclasses
import json
import math
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import InputError, RunError, nearest
from ..version import __version__

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SEEDS = 2**63
Settings = TypeVar("Settings", bound="DataclassInstance")


@dataclass(frozen=True)
class TrainingSettings:
    """How a task is learned, whatever it is.

    Attributes:
        learning_rate: the highest of the run; it rises to it, then falls to zero as a cosine.
        warm_up: share of the budget in which it rises.
        weight_decay: AdamW's decay of the weights (Loshchilov & Hutter, 2019).
        clip: longest gradient; a longer one is shortened to it (Pascanu, Mikolov & Bengio, 2013).
        minutes: wall minutes until the end.
        epochs: times through the data until the end; with minutes too, whichever comes first.
        validations: how often to measure within the budget: dense at first, then ever more rarely.
        patience: share of the budget without a gain after which to stop; 1 never stops early.
        average: share of the steps so far whose weights are averaged (Polyak & Juditsky, 1992); 0 averages none.
        seed: where chance begins: first weights, the order of what is learned from, dropout.

    Raises:
        InputError: a number is out of range, or there is no end.
    """

    learning_rate: float = 3e-3
    warm_up: float = 0.02
    weight_decay: float = 0.01
    clip: float = 1.0
    minutes: float | None = None
    epochs: float | None = None
    validations: int = 20
    patience: float = 0.4
    average: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        if self.minutes is None and self.epochs is None:
            raise InputError("a training must have an end, but has none; give --minutes or --epochs")
        for name in ("learning_rate", "clip", "minutes", "epochs", "validations", "patience"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise InputError(f"--{name.replace('_', '-')} must be above 0, not {value:g}; change it")
        if not 0 <= self.warm_up < 1:
            raise InputError(f"--warm-up must be from 0 to below 1, not {self.warm_up:g}; 0.02 is usual")
        if not 0 <= self.average <= 1:
            raise InputError(f"--average must be from 0 to 1, not {self.average:g}; 0.1 is usual")
        if not self.weight_decay >= 0:
            raise InputError(f"--weight-decay must be 0 or more, not {self.weight_decay:g}; 0.01 is usual")
        if not 0 <= self.seed < SEEDS:
            raise InputError(f"--seed must be from 0 to 2^63 - 1, not {self.seed}; 1 is usual")


@dataclass(frozen=True)
class Recipe:
    """What a run folder remembers of how it came about.

    Attributes:
        task: name of the task.
        data: paths of the user's data: `learned`, and perhaps `validation` and `test`.
        digest: SHA-256 of each, to notice that they have changed.
        settings: the task's own settings.
        training: how it is learned.
        versions: of what computed it.
    """

    task: str
    data: Mapping[str, str]
    digest: Mapping[str, str]
    settings: Mapping[str, Any]
    training: TrainingSettings
    versions: Mapping[str, str] = field(default_factory=lambda: current_versions())

    def to_json(self) -> str:
        """The recipe as its file holds it."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @staticmethod
    def from_json(content: str) -> Recipe:
        """The recipe that a file holds.

        Raises:
            RunError: it is no JSON, or a key is missing or unknown.

        >>> recipe = Recipe("text", {"learned": "a.txt"}, {"learned": ""}, {"hidden": 8}, TrainingSettings(epochs=1))
        >>> Recipe.from_json(recipe.to_json()) == recipe
        True
        """
        try:
            found = json.loads(content)
        except ValueError as error:
            raise RunError(f"a recipe must be JSON, but: {error}; mend it, or train anew") from error
        made = found.get("versions") if isinstance(found, Mapping) else None
        found = checked(found, (each.name for each in dataclasses.fields(Recipe)), made)
        return Recipe(**{**found, "training": built(TrainingSettings, found["training"], made)})


def built(kind: type[Settings], found: Any, made: Any) -> Settings:
    """Settings out of a part of a recipe.

    Args:
        kind: of the settings, a dataclass.
        found: the part.
        made: the versions that the recipe was made by.

    Raises:
        RunError: it has other keys, or a value of another type.
    """
    values = checked(found, (each.name for each in dataclasses.fields(kind)), made)
    try:
        return kind(**values)
    except TypeError as error:
        raise RunError(f"a recipe has a value of the wrong type: {error}; put it back, or train anew") from error


def checked(found: Any, names: Iterable[str], made: Any) -> dict[str, Any]:
    """A part of a recipe, if it has exactly these keys.

    Args:
        found: the part.
        names: the keys.
        made: the versions that the recipe was made by.

    Raises:
        RunError: it has not; the message names the first key that is wrong, and the version that would know it.
    """
    expected = tuple(names)
    theirs = made.get("cellwright", __version__) if isinstance(made, Mapping) else __version__
    remedy = "put it back, or train anew"
    if theirs != __version__:
        remedy = f"the run was made by Cellwright {theirs}, and this is {__version__}: install that, or train anew"
    if not isinstance(found, Mapping):
        raise RunError(f"this part of a recipe must hold {', '.join(expected)}, not {found!r}; {remedy}")
    for key in found:
        if key not in expected:
            raise RunError(f"a recipe has no {key!r}, {nearest(key, expected)}; {remedy}")
    for key in expected:
        if key not in found:
            raise RunError(f"a recipe must hold {key!r}, but this one does not; {remedy}")
    return dict(found)


def current_versions() -> dict[str, str]:
    """The versions of what computes here."""
    return {
        "cellwright": __version__,
        "python": platform.python_version(),
        "torch": version("torch"),
        "lightning": version("lightning"),
    }
