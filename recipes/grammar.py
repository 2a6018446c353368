"""Memory: the embedded Reber grammar, from 10,000 strings (Hochreiter & Schmidhuber, 1997); five seeds.

Two strings a step: of 28 seeds, each with strings of its own, 27 left none of 2,560 new ones wrong, and one left one.
With four, one in eight never learned the mark.
"""

from .recipe import Command, Recipe, nothing

RECIPE = Recipe(
    title="memory: embedded Reber grammar, 16 cells",
    source="",
    prepare=nothing,
    commands=[
        Command(f"memory reber --hidden 16 --batch 2 --learning-rate 2e-2 --epochs 100 --seed {seed}")
        for seed in range(1, 6)
    ],
    figure="error",
    reach=0.0,
    good=0.0,
    minutes=1,
    lower=True,
    worst=True,
)
