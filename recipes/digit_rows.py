"""Memory: handwritten digits, row by row (MNIST: LeCun et al., 1998)."""

from .recipe import Command, Recipe, link

RECIPE = Recipe(
    title="memory: digits by rows",
    source="mnist",
    prepare=link,
    commands=[Command("memory . --by rows --hidden 128 --dropout 0.2 --epochs 12")],
    figure="accuracy",
    reach=0.985,
    good=0.989,
    minutes=5,
)
