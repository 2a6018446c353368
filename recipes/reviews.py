"""Labels: whether a sentence about a film is kind (Pang & Lee, 2005); every tenth line of each kind is held out."""

from pathlib import Path

from .recipe import Command, Recipe
from .tables import lines_of, write_table


def prepare(source: Path, target: Path) -> None:
    """The sentences of both kinds in one table."""
    parts: dict[str, list[tuple[str, str]]] = {"train": [], "test": []}
    for label in ("neg", "pos"):
        for n, line in enumerate(lines_of(source / f"rt-polarity.{label}.gz")):
            parts["train" if n % 10 else "test"].append((line.strip(), label))
    for part, rows in parts.items():
        write_table(target / f"{part}.csv", ["text", "label"], rows)


RECIPE = Recipe(
    title="labels: sentences",
    source="movie-sentences",
    prepare=prepare,
    commands=[Command("labels train.csv --test test.csv --epochs 14 --average 0.1 --patience 1")],
    figure="accuracy",
    reach=0.73,
    good=0.76,
    minutes=6,
)
