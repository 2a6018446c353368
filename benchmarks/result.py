"""A result: all figures of one run, as a file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .cases import Case, Comparison
from .family import Race
from .inspector import Inspector
from .limits import Limits
from .machine import FOLDER, file_for, today
from .memory import Held
from .shapes import Shape
from .startup import Startup


@dataclass(frozen=True)
class Result:
    """What was measured, where, and with what; the inspector only where there is Chromium."""

    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    limits: Limits
    comparisons: list[Comparison]
    held: list[Held]
    startup: Startup
    family: list[Race]
    options: list[Race]
    features: list[Race]
    derivatives: list[Race]
    inspector: Inspector | None

    def save(self) -> Path:
        """Write the file, named after the processor and the day."""
        path = file_for(self.machine["processor"], self.date)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")
        return path


def latest() -> Result | None:
    """The result of the latest day."""
    files = sorted(FOLDER.glob("*.json"), key=lambda path: path.stem[-len(today()) :])
    return parse(json.loads(files[-1].read_text())) if files else None


def parse(raw: dict[str, Any]) -> Result:
    """The inverse of `asdict`; older files have nothing about the inspector.

    >>> found = latest()
    >>> parse(asdict(found)) == found
    True
    """
    inspector = raw.get("inspector")
    return Result(
        date=raw["date"],
        machine=raw["machine"],
        versions=raw["versions"],
        limits=Limits(**raw["limits"]),
        comparisons=[comparison(each) for each in raw["comparisons"]],
        held=[Held(**each) for each in raw["held"]],
        startup=Startup(**raw["startup"]),
        family=[Race(**each) for each in raw["family"]],
        options=[Race(**each) for each in raw["options"]],
        features=[Race(**each) for each in raw["features"]],
        derivatives=[Race(**each) for each in raw["derivatives"]],
        inspector=None if inspector is None else Inspector(**inspector),
    )


def comparison(raw: dict[str, Any]) -> Comparison:
    """One comparison of a file."""
    case = raw["case"]
    return Comparison(Case(case["way"], case["mode"], Shape(**case["shape"])), raw["seconds"])
