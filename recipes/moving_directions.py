"""Frames: which way a handwritten digit moves, by pixels; it turns once in each clip (MNIST: LeCun et al., 1998)."""

from pathlib import Path

from cellwright.tasks.frames.clips import write_clips
from cellwright.tasks.memory.digits import CLASSES, read_digits

from .recipe import Command, Recipe

TESTED = 1000


def write_parts(source: Path, target: Path, count: int) -> None:
    """Clips of the digits to learn from, and of those for the test."""
    digits = read_digits(source)
    parts = [("train", count, digits.images, digits.labels), ("test", TESTED, digits.test_images, digits.test_labels)]
    for seed, (part, clips, images, labels) in enumerate(parts):
        things = {str(digit): list(images[labels == digit].numpy()) for digit in range(CLASSES)}
        write_clips(target / part, clips, seed, things)


def prepare(source: Path, target: Path) -> None:
    """Enough clips to learn how a thing moves."""
    write_parts(source, target, 6_000)


RECIPE = Recipe(
    title="frames: directions by pixels",
    source="mnist",
    prepare=prepare,
    commands=[
        Command(
            "frames train/directions.csv --test test/directions.csv --causal --hidden 128 --batch 32 --crop 0 "
            "--dropout 0.2 --epochs 8"
        )
    ],
    figure="accuracy",
    reach=0.95,
    good=0.99,
    minutes=7,
)
