"""Frames: which handwritten digit it is that moves, by pixels, in every frame (MNIST: LeCun et al., 1998)."""

from pathlib import Path

from .moving_directions import write_parts
from .recipe import Command, Recipe


def prepare(source: Path, target: Path) -> None:
    """Clips of many hands."""
    write_parts(source, target, 16_000)


RECIPE = Recipe(
    title="frames: digits by pixels",
    source="mnist",
    prepare=prepare,
    commands=[
        Command(
            "frames train/things.csv --test test/things.csv --causal --hidden 128 --batch 32 --crop 0 --dropout 0.3 "
            "--epochs 8"
        )
    ],
    figure="accuracy",
    reach=0.97,
    good=0.985,
    minutes=8,
)
