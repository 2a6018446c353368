"""Series: transformers of a power grid, hour by hour (ETTh1: Zhou et al., 2021); 12, 4 and 4 months of 30 days."""

from pathlib import Path

from .recipe import Command, Recipe
from .tables import lines_of

MONTH = 30 * 24
HISTORY = 96
PARTS = {"train": (0, 12 * MONTH), "valid": (12 * MONTH, 16 * MONTH), "test": (16 * MONTH, 20 * MONTH)}


def prepare(source: Path, target: Path) -> None:
    """The three parts; each but the first begins with the history of its first forecast."""
    heading, *rows = lines_of(source / "ETTh1.csv.gz")
    for part, (first, end) in PARTS.items():
        chosen = rows[max(0, first - HISTORY) : end]
        (target / f"{part}.csv").write_text("\n".join([heading, *chosen]) + "\n", encoding="utf-8")


RECIPE = Recipe(
    title="series",
    source="ett",
    prepare=prepare,
    commands=[
        Command(
            "series train.csv --valid valid.csv --test test.csv --stride 2 --hidden 128 --dropout 0.32 "
            "--learning-rate 9.6e-3 --epochs 4"
        )
    ],
    figure="mse",
    reach=0.41,
    good=0.34,
    minutes=5,
    lower=True,
)
