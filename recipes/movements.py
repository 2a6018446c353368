"""Labels: what someone does in 2.5 seconds, by the sensors of a phone (Anguita et al., 2013); people are held out.

With 561 features made by hand a support vector machine has 96 % on windows like these.
"""

from itertools import groupby
from pathlib import Path

from .activities import FEATURES, sessions, written
from .recipe import Command, Recipe
from .tables import write_table

WINDOW = 25  # steps of a tenth of a second
LONG = {"WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING"}


def prepare(source: Path, target: Path) -> None:
    """Windows that overlap by half, each within one activity."""
    rows: dict[str, list[list[str]]] = {"train": [], "test": []}
    for number, (part, features, labels) in enumerate(sessions(source)):
        at = 0
        for label, group in groupby(labels):
            end = at + len(list(group))
            starts = range(at, end - WINDOW + 1, WINDOW // 2) if label in LONG else ()
            for first in starts:
                name = f"{number:02}-{first:05}"
                rows[part] += [[name, *map(written, row), label] for row in features[first : first + WINDOW]]
            at = end
    for part, found in rows.items():
        write_table(target / f"{part}.csv", ["sequence", *FEATURES, "label"], found)


RECIPE = Recipe(
    title="labels: sensor windows",
    source="hapt",
    prepare=prepare,
    commands=[Command("labels train.csv --test test.csv --hidden 64 --epochs 15 --average 0.1")],
    figure="accuracy",
    reach=0.90,
    good=0.96,
    minutes=5,
)
