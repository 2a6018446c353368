"""Series: chorales of J. S. Bach, chord by chord (Boulanger-Lewandowski, Bengio & Vincent, 2012), their own split."""

from pathlib import Path

import numpy as np

from .recipe import Command, Recipe
from .tables import write_table

KEYS, LOWEST = 88, 21  # of a piano, and the number of the first


def prepare(source: Path, target: Path) -> None:
    """A table for each part: the name of a piece, and which keys sound."""
    found = np.load(source / "jsb-chorales.npz")
    heading = ["sequence", *(f"key {LOWEST + n}" for n in range(KEYS))]
    for part in ("train", "valid", "test"):
        frames, offsets = np.unpackbits(found[part], axis=1)[:, :KEYS], found[f"{part}_offsets"]
        names = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        write_table(target / f"{part}.csv", heading, ([name, *row] for name, row in zip(names, frames, strict=True)))


RECIPE = Recipe(
    title="series: music",
    source="jsb-chorales",
    prepare=prepare,
    commands=[
        Command(
            "series train.csv --valid valid.csv --test test.csv --hidden 256 --dropout 0.5 --batch 16 --shift 5 "
            "--learning-rate 1e-2 --epochs 200"
        )
    ],
    figure="nats",
    reach=8.60,
    good=8.40,
    minutes=4,
    lower=True,
)
