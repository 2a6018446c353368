"""What a sweep searches: choices and ranges of settings; and what it has found."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, cast, get_args, get_origin

from ..errors import InputError, nearest
from ..tasks.recurrent import option

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, Trial

Value = str | int | float
SWITCHES = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

RANGE = re.compile(r"(.+)\.\.(.+)")
DECADE = 10
"""A range that is wider than this factor is searched by its logarithm."""


@dataclass(frozen=True)
class AnyOf:
    """Some values of a setting."""

    name: str
    values: tuple[Value, ...]

    def suggest(self, trial: Trial) -> Value:
        """One of them."""
        return cast(Value, trial.suggest_categorical(self.name, self.values))


@dataclass(frozen=True)
class Between:
    """All values of a setting between two."""

    name: str
    low: float
    high: float

    def suggest(self, trial: Trial) -> Value:
        """One of them; a whole number, if both ends are."""
        wide = self.low > 0 and self.high / self.low > DECADE
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(self.name, self.low, self.high, log=wide)
        return trial.suggest_float(self.name, self.low, self.high, log=wide)


Axis = AnyOf | Between


def axis(text: str, kinds: Mapping[str, Any]) -> Axis:
    """What is searched along one setting.

    Args:
        text: `cell=lstm,gru`, or `learning-rate=1e-4..1e-2`.
        kinds: the settings that there are, and what kind of value each has.

    Raises:
        InputError: it is something else.

    >>> axis("cell=lstm,gru", {"cell": str})
    AnyOf(name='cell', values=('lstm', 'gru'))
    >>> axis("hidden=16..256", {"hidden": int})
    Between(name='hidden', low=16, high=256)
    """
    name, separator, values = text.partition("=")
    name = name.strip().replace("-", "_")
    if not separator or not values.strip():
        raise InputError(f"--over must be NAME=A,B,C or NAME=LOW..HIGH, not {text!r}; for example cell=lstm,gru")
    if name not in kinds:
        raise InputError(f"--over has no setting {name!r}; {nearest(name, kinds)}")
    ends = RANGE.fullmatch(values.strip())
    if not ends:
        return AnyOf(name, tuple(value(each.strip(), name, kinds[name]) for each in values.split(",")))
    low, high = (value(each, name, kinds[name]) for each in ends.groups())
    if isinstance(low, str | bool) or isinstance(high, str | bool) or not (low < high and math.isfinite(high - low)):
        raise InputError(f"--over {name} must go from a number up to another, not {values!r}; for example 16..256")
    return Between(name, low, high)


def value(text: str, name: str, kind: Any) -> Value:
    """What a text means as a setting.

    Raises:
        InputError: it is no value of its kind.

    >>> value("3", "hidden", int), value("3", "dropout", float | None), value("yes", "causal", bool)
    (3, 3.0, True)
    """
    options = get_args(kind)
    if get_origin(kind) is Literal:
        if text not in options:
            raise InputError(f"--over {name} has no {text!r}; {nearest(text, options)}")
        return text
    plain = next((each for each in options if each is not NoneType), kind)
    try:
        return SWITCHES[text.lower()] if plain is bool else cast(Value, plain(text))
    except (ValueError, KeyError) as error:
        raise InputError(f"--over {name} has {plain.__name__} values, and {text!r} is none; change it") from error


def by_choice(trials: Sequence[FrozenTrial], name: str) -> list[tuple[str, int, float, float]]:
    """For each value of a setting the number of its trials, their lowest figure and the middle one; the best first."""
    figures: dict[str, list[float]] = {}
    for trial in trials:
        if trial.value is not None and name in trial.params:
            figures.setdefault(str(trial.params[name]), []).append(trial.value)
    rows = [(each, len(found), min(found), median(found)) for each, found in figures.items()]
    return sorted(rows, key=lambda row: row[2:])


def written(settings: Mapping[str, Value]) -> str:
    """Settings as options of the command line.

    >>> written({"learning_rate": 0.00123456, "cell": "gru", "causal": False})
    '--learning-rate 0.001235 --cell gru --no-causal'
    """
    return " ".join(
        option(name if each else f"no_{name}")
        if isinstance(each, bool)
        else f"{option(name)} {f'{each:.4g}' if isinstance(each, float) else each}"
        for name, each in settings.items()
    )
