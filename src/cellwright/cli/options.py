"""The options of a training command, out of the settings that a recipe keeps."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from typer import Argument, Option

from ..tasks import Family
from ..tasks.recurrent import option
from ..training import Machine, TrainingSettings

ATTRIBUTE = re.compile(r"^ {4}([\w, ]+): (.+(?:\n {8,}.+)*)", re.MULTILINE)


def described(settings: type) -> dict[str, str]:
    """What the docstring of a dataclass, and those it inherits from, say of each setting.

    >>> described(TrainingSettings)["clip"]
    'longest gradient; a longer one is shortened to it (Pascanu, Mikolov & Bengio, 2013).'
    """
    found: dict[str, str] = {}
    for each in reversed(settings.__mro__):
        text = inspect.cleandoc(each.__doc__ or "").partition("Attributes:\n")[2].partition("\nRaises:")[0]
        for names, meaning in ATTRIBUTE.findall(text):
            found |= dict.fromkeys(names.split(", "), " ".join(meaning.split()))
    return found


def parameters(family: Family) -> Iterator[inspect.Parameter]:
    """The parameters of a family's training command: data, run, and every setting, each None if not given."""
    fixed = {
        "data": (Path, Argument(help=f"{family.data[0].upper()}{family.data[1:]}.")),
        "valid": (Path, Option(help="The same, to measure on while learning.  [default: a share of DATA]")),
        "test": (Path, Option(help="The same, for the final figures.  [default: as --valid]")),
        "run": (Path, Option(help="Folder for the run.  [default: runs/NAME of the data]")),
        "resume": (Path, Option(help="Go on with this run, by its own recipe.")),
        "compare": (str, Option(help="Train with each of these cells, and compare: lstm,gru,rnn, say.")),
    }
    for name, (kind, how) in fixed.items():
        yield parameter(name, kind, how)
    for settings in (TrainingSettings, family.settings, Machine):
        meanings, kinds = described(settings), get_type_hints(settings)
        for field in dataclasses.fields(settings):
            meaning = meanings[field.name].rstrip(".")
            known = settings is not TrainingSettings and field.name not in family.by_data
            default = f"  [default: {field.default}]" if known and field.default is not False else ""
            shown = f"{meaning[0].upper()}{meaning[1:]}.{default}"
            yield parameter(field.name, kinds[field.name], Option(help=shown))


def parameter(name: str, kind: Any, option: Any) -> inspect.Parameter:
    """A parameter of a command that may be left out."""
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def given(options: Mapping[str, Any], settings: type) -> dict[str, Any]:
    """Those of the options that were given and belong to some settings."""
    names = {field.name for field in dataclasses.fields(settings)}
    return {name: value for name, value in options.items() if name in names and value is not None}


def written_out(options: Mapping[str, Any]) -> list[str]:
    """Options as a command line has them.

    >>> written_out({"data": Path("a.csv"), "weight_decay": 0.1, "causal": False, "torch": True, "run": None})
    ['--weight-decay=0.1', '--no-causal', '--torch', '--', 'a.csv']
    """
    found = []
    for name, value in options.items():
        if isinstance(value, bool):
            found.append(option(name if value else f"no_{name}"))
        elif value is not None and name != "data":
            found.append(f"{option(name)}={value}")
    return found if options["data"] is None else [*found, "--", str(options["data"])]
