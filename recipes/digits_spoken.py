"""Speech: single digits of six speakers (Free Spoken Digit Dataset: Jackson et al., 2016); index 0 to 4 is held out."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from .recipe import Command, Recipe
from .tables import write_table

PARTS = {"test": range(5), "valid": range(5, 10), "train": range(10, 50)}
"""By the index of a recording."""


def prepare(source: Path, target: Path) -> None:
    """The recordings, and a table of each part."""
    with zipfile.ZipFile(source / "recordings.zip") as archive:
        archive.extractall(target)
    for part in PARTS:
        rows = ((path.relative_to(target).as_posix(), digit) for path, digit, _ in recordings(target, part))
        write_table(target / f"{part}.csv", ["path", "transcript"], rows)


def recordings(folder: Path, part: str) -> Iterator[tuple[Path, str, str]]:
    """The recordings of a part: path, digit and speaker."""
    for path in sorted(folder.rglob("*.wav")):
        digit, speaker, index = path.stem.split("_")
        if int(index) in PARTS[part]:
            yield path, digit, speaker


RECIPE = Recipe(
    title="speech: digits",
    source="fsdd",
    prepare=prepare,
    commands=[
        Command(
            "speech train.csv --valid valid.csv --test test.csv --unit whole --hidden 128 --stack 1 --batch 32 "
            "--epochs 30"
        )
    ],
    figure="accuracy",
    reach=0.97,
    good=0.99,
    minutes=5,
)
