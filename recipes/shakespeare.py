"""Text: characters of Shakespeare's plays (Karpathy, 2015), the last tenth held out."""

from .recipe import Command, Recipe, link

RECIPE = Recipe(
    title="text",
    source="tinyshakespeare",
    prepare=link,
    commands=[Command("text input.txt --minutes 9.5")],
    figure="loss",
    reach=1.62,
    good=1.52,
    minutes=10,
    lower=True,
)
