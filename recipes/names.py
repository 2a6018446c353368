"""Labels: from which of 18 languages a name is (Robertson, 2017); every fifth is held out."""

import json
from pathlib import Path

from .recipe import Command, Recipe
from .tables import write_table


def prepare(source: Path, target: Path) -> None:
    """Every fifth name is for the test; the empty ones are counted, then left out."""
    found = json.loads((source / "names.json").read_text(encoding="utf-8"))
    rows = [(name.strip(), language) for language, names in found.items() for name in names]
    parts = {"train": [row for n, row in enumerate(rows) if n % 5], "test": rows[::5]}
    for part, chosen in parts.items():
        write_table(target / f"{part}.csv", ["text", "label"], [row for row in chosen if row[0]])


RECIPE = Recipe(
    title="labels: names",
    source="names-18",
    prepare=prepare,
    commands=[
        Command(
            "labels train.csv --test test.csv --unit characters --embedding 48 --rare 0 --smoothing 0.1 --dropout 0.4 "
            "--learning-rate 3e-3 --epochs 25"
        )
    ],
    figure="accuracy",
    reach=0.78,
    good=0.83,
    minutes=3,
)
