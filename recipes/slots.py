"""Tags: slots and intents of requests to an assistant (SNIPS: Coucke et al., 2018; parts of Goo et al., 2018)."""

from pathlib import Path

from .recipe import Command, Recipe
from .tables import lines_of


def prepare(source: Path, target: Path) -> None:
    """A word and its slot on each line; the intent above them."""
    for part in ("train", "valid", "test"):
        words, tags, labels = (
            lines_of(next(source.glob(f"{part}.{kind}*"))) for kind in ("seq.in", "seq.out", "label")
        )
        with (target / f"{part}.txt").open("w", encoding="utf-8") as file:
            for sentence, slots, label in zip(words, tags, labels, strict=True):
                pairs = zip(sentence.split(), slots.split(), strict=True)
                file.write(f"# label = {label.strip()}\n" + "".join(f"{word} {tag}\n" for word, tag in pairs) + "\n")


RECIPE = Recipe(
    title="tags: slots (and intent)",
    source="snips-slots",
    prepare=prepare,
    commands=[Command("tags train.txt --valid valid.txt --test test.txt --epochs 20")],
    figure="f1",
    reach=0.88,
    good=0.92,
    minutes=8,
)
