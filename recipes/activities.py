"""Labels: what people do, by the sensors of a phone (Reyes-Ortiz et al., 2016); people are held out."""

import json
from pathlib import Path

import numpy as np

from .recipe import Command, Recipe
from .tables import write_table

TOGETHER = 5  # samples at 50 Hz that make a step


def prepare(source: Path, target: Path) -> None:
    """Each session as a table: mean and logarithm of the deviation of each axis, and the label in the middle."""
    found = np.load(source / "hapt.npz")
    split = json.loads((source / "split.json").read_text())
    names = [line.split()[1] for line in (source / "activity_labels.txt").read_text().splitlines() if line.strip()]
    axes = np.concatenate([found["acc"] * found["acc_scale"], found["gyro"] * found["gyro_scale"]], 1)
    heading = [f"{what} {axis}" for what in ("mean", "spread") for axis in ("ax", "ay", "az", "gx", "gy", "gz")]
    bounds = zip(found["offsets"], found["offsets"][1:], found["user"], strict=False)
    for session, (first, end, user) in enumerate(bounds):
        end = first + (end - first) // TOGETHER * TOGETHER
        samples = axes[first:end].reshape(-1, TOGETHER, axes.shape[1])
        labels = found["label"][first:end].reshape(-1, TOGETHER)[:, TOGETHER // 2]
        features = np.concatenate([samples.mean(1), np.log(samples.std(1) + 1e-3)], 1)
        rows = [
            [*(f"{value:.5g}" for value in row), names[label - 1] if label else ""]
            for row, label in zip(features, labels, strict=True)
        ]
        part = "train" if int(user) in split["train_users"] else "test"
        write_table(target / part / f"session{session:02}.csv", [*heading, "label"], rows)


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
