"""Labels: what people do, by the sensors of a phone (Reyes-Ortiz et al., 2016); people are held out."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .recipe import Command, Recipe
from .tables import write_table

TOGETHER = 5  # samples at 50 Hz that make a step
FEATURES = [f"{what} {axis}" for what in ("mean", "spread") for axis in ("ax", "ay", "az", "gx", "gy", "gz")]


class Session(NamedTuple):
    """What one phone has felt, step by step.

    Attributes:
        part: `train` or `test`, as the person is held out or not.
        features: mean and logarithm of the deviation of each axis, `[T, 12]`.
        labels: the activity in the middle of each step; "" where there is none.
    """

    part: str
    features: np.ndarray
    labels: list[str]


def sessions(source: Path) -> Iterator[Session]:
    """The sessions, one after the other."""
    found = np.load(source / "hapt.npz")
    split = json.loads((source / "split.json").read_text())
    names = [line.split()[1] for line in (source / "activity_labels.txt").read_text().splitlines() if line.strip()]
    axes = np.concatenate([found["acc"] * found["acc_scale"], found["gyro"] * found["gyro_scale"]], 1)
    for first, end, user in zip(found["offsets"], found["offsets"][1:], found["user"], strict=False):
        end = first + (end - first) // TOGETHER * TOGETHER
        samples = axes[first:end].reshape(-1, TOGETHER, axes.shape[1])
        labels = found["label"][first:end].reshape(-1, TOGETHER)[:, TOGETHER // 2]
        yield Session(
            "train" if int(user) in split["train_users"] else "test",
            np.concatenate([samples.mean(1), np.log(samples.std(1) + 1e-3)], 1),
            [names[label - 1] if label else "" for label in labels],
        )


def prepare(source: Path, target: Path) -> None:
    """Each session as a table."""
    for number, (part, features, labels) in enumerate(sessions(source)):
        rows = ([*map(written, row), label] for row, label in zip(features, labels, strict=True))
        write_table(target / part / f"session{number:02}.csv", [*FEATURES, "label"], rows)


def written(value: float) -> str:
    """A number with as many digits as the sensors have."""
    return f"{value:.5g}"


RECIPE = Recipe(
    title="labels: sensors",
    source="hapt",
    prepare=prepare,
    commands=[Command("frames train --test test --hidden 96 --crop 400 --dropout 0.4 --epochs 60")],
    figure="accuracy",
    reach=0.85,
    good=0.92,
    minutes=10,
)
