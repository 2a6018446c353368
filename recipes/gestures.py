"""Frames: phases of gestures of people who tell a story (Madeo, Lima & Peres, 2013); each video is held out once."""

import csv
import math
from pathlib import Path

from .recipe import Command, Recipe
from .tables import lines_of, write_table

VIDEOS = ("a1", "a2", "a3", "b1", "b3", "c1", "c3")
JOINTS = ("lh", "rh", "lw", "rw")  # hands and wrists
LATER = 4  # frames by which the processed files begin later than the raw ones


def prepare(source: Path, target: Path) -> None:
    """For each video a folder with it alone, and one with the six others.

    The features are the 32 velocities and accelerations, of which the square root keeps large ones in check, and where
    hands and wrists are, seen from the spine.
    """
    for video in VIDEOS:
        heading, *raw = csv.reader(lines_of(source / f"{video}_raw.csv.gz"))
        _, *moved = csv.reader(lines_of(source / f"{video}_va3.csv.gz"))
        places = {name.strip().lower(): n for n, name in enumerate(heading)}
        table = []
        for row, motion in zip(raw[LATER:], moved, strict=True):
            motions = [math.copysign(math.sqrt(abs(value)), value) for value in map(float, motion[:32])]
            positions = [
                float(row[places[joint + axis]]) - float(row[places[f"s{axis}"]]) for joint in JOINTS for axis in "xyz"
            ]
            label = "Preparation" if row[-1].startswith("Prepara") else row[-1]
            table.append([*motions, *positions, label])
        names = [
            *(f"motion {n}" for n in range(32)),
            *(f"{joint}{axis}" for joint in JOINTS for axis in "xyz"),
            "label",
        ]
        for fold in VIDEOS:
            part = "test" if fold == video else "train"
            write_table(target / fold / part / f"{video}.csv", names, table)


def commands(data: Path) -> list[Command]:
    """One for each video; it counts by its frames."""
    frames = {fold: len(lines_of(data / fold / "test" / f"{fold}.csv")) - 1 for fold in VIDEOS}
    return [
        Command(f"frames {fold}/train --test {fold}/test --scaled each --layers 2 --dropout 0.5 --epochs 60", count)
        for fold, count in frames.items()
    ]


RECIPE = Recipe(
    title="frames: gestures",
    source="gesture-phase",
    prepare=prepare,
    commands=commands,
    figure="accuracy",
    reach=0.60,
    good=0.70,
    minutes=5,
)
