"""Frames: which way a handwritten digit moves, and which it is, by pixels (MNIST: LeCun et al., 1998)."""

from pathlib import Path

from cellwright.tasks.frames.clips import write_clips
from cellwright.tasks.memory.digits import CLASSES, read_digits

from .recipe import Command, Recipe

CLIPS = {"train": 16000, "test": 1000}
OPTIONS = "--causal --hidden 128 --batch 32 --crop 0 --dropout 0.2"


def prepare(source: Path, target: Path) -> None:
    """Clips of the digits to learn from, and of those for the test."""
    digits = read_digits(source)
    parts = {"train": (digits.images, digits.labels), "test": (digits.test_images, digits.test_labels)}
    for seed, (part, (images, labels)) in enumerate(parts.items()):
        things = {str(digit): list(images[labels == digit].numpy()) for digit in range(CLASSES)}
        write_clips(target / part, CLIPS[part], seed, things)


RECIPE = Recipe(
    title="frames: directions of moving digits",
    source="mnist",
    prepare=prepare,
    commands=[Command(f"frames train/directions.csv --test test/directions.csv {OPTIONS} --epochs 8")],
    figure="accuracy",
    reach=0.95,
    good=0.99,
    minutes=7,
)
