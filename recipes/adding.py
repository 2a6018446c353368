"""Memory: the sum of two numbers up to 400 steps before its end (Hochreiter & Schmidhuber, 1997); three seeds."""

from .recipe import Command, Recipe, nothing

RECIPE = Recipe(
    title="memory: adding problem, T = 100, 200, 400",
    source="",
    prepare=nothing,
    commands=[
        Command(f"memory adding --steps {steps} --chrono {steps} --learning-rate 5e-3 --epochs 60 --seed {seed}")
        for steps in (100, 200, 400)
        for seed in (1, 2, 3)
    ],
    figure="mse",
    reach=0.01,
    good=0.001,
    minutes=28,
    lower=True,
    worst=True,
)
