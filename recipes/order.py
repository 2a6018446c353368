"""Memory: in which order two symbols came, from 60,000 sequences (Hochreiter & Schmidhuber, 1997, 6a)."""

from .recipe import Command, Recipe, nothing

RECIPE = Recipe(
    title="memory: temporal order, two symbols",
    source="",
    prepare=nothing,
    commands=[Command("memory order --steps 100 --hidden 32 --chrono 100 --batch 20 --learning-rate 5e-3 --epochs 60")],
    figure="wrong",
    reach=3,
    good=0,
    minutes=2,
    lower=True,
)
