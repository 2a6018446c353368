"""Memory: ten symbols, said again 30 steps later (Hochreiter & Schmidhuber, 1997; Arjovsky et al., 2016)."""

from .recipe import Command, Recipe, nothing

RECIPE = Recipe(
    title="memory: copy, T = 30",
    source="",
    prepare=nothing,
    commands=[Command("memory copy --steps 30 --hidden 128 --chrono 40 --learning-rate 8e-3 --epochs 120")],
    figure="accuracy",
    reach=0.99,
    good=0.999,
    minutes=15,
)
