"""Memory: handwritten digits at half the size, pixel by pixel (MNIST: LeCun et al., 1998)."""

from .recipe import Command, Recipe, link

RECIPE = Recipe(
    title="memory: digits by pixels",
    source="mnist",
    prepare=link,
    commands=[Command("memory . --by pixels --hidden 128 --chrono 196 --epochs 15")],
    figure="accuracy",
    reach=0.95,
    good=0.975,
    minutes=30,
)
