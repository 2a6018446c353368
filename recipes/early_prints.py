"""Lines: seven books printed from 1476 to 1572 (Springmann et al., 2018); a hundred lines of each to learn from."""

import zipfile
from pathlib import Path

from .recipe import Command, Recipe

LEARNED = 100
TEXT = ".gt.txt"


def prepare(source: Path, target: Path) -> None:
    """Of each book the first lines, by name, are to learn from; the others are for the test."""
    with zipfile.ZipFile(source / "lines.zip") as archive:
        archive.extractall(target / "all")
    for book in {path.parent for path in (target / "all").rglob(f"*{TEXT}")}:
        texts = sorted(book.glob(f"*{TEXT}"))
        for number, text in enumerate(texts):
            place = target / ("train" if number < LEARNED else "test") / book.name
            place.mkdir(parents=True, exist_ok=True)
            for path in book.glob(f"{text.name.removesuffix(TEXT)}.*"):
                path.rename(place / path.name)


RECIPE = Recipe(
    title="lines: early printed books",
    source="early-printed-books",
    prepare=prepare,
    commands=[Command("lines train --test test --learning-rate 3e-3 --epochs 40")],
    figure="character_error",
    reach=0.15,
    good=0.06,
    minutes=60,
    lower=True,
)
