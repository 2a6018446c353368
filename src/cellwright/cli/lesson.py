"""The command `lesson`: a small network learns in seconds, and its cell is walked through in the browser."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Annotated

from rich.console import Console
from typer import Option

from ..tasks import families
from .inspect import inspect

ORDERS = ("left", "right", "up", "down")
SEQUENCES, STEPS = 120, 40
OFTEN = 0.1
"""How probably an order is given at a step."""
UNITS, EPOCHS = 12, 100


def lesson(
    run: Annotated[Path | None, Option(help="Folder for the run.  [default: runs/lesson]")] = None,
    html: Annotated[Path | None, Option(help="Write the page as one file that opens without a server.")] = None,
    port: Annotated[int, Option(min=0, max=65535, help="Of the server; 0 for a free one.")] = 0,
    browser: Annotated[bool, Option(help="Open the page.")] = True,
) -> None:
    """See what each gate does: a real cell, one step at a time, with sliders.

    Now and then an order is given: left, right, up or down; in between there is nothing to see. An LSTM of twelve units
    learns to say which order holds. It must keep the last one, and forget it when another comes.
    """
    from ..training import free_folder
    from .runs import start

    place = run or free_folder(Path("runs") / "lesson")
    learn, new = place.with_name(f"{place.name}-learn.csv"), place.with_name(f"{place.name}-new.csv")
    place.parent.mkdir(parents=True, exist_ok=True)
    learn.write_text(orders(SEQUENCES, seed=1), encoding="utf-8")
    new.write_text(orders(SEQUENCES // 4, seed=2), encoding="utf-8")
    options = {"hidden": UNITS, "causal": True, "layers": 1, "noise": 0.0, "hide": 0.0, "dropout": 0.0}
    training = {"epochs": EPOCHS, "learning_rate": 0.02}
    start(families["frames"], {"learned": learn, "test": new}, place, options, training)
    Console(highlight=False).print("\nIn the page: choose a step at which an order is given, then the view 'lesson'.")
    inspect(place, new, steps=SEQUENCES // 4 * STEPS, html=html, port=port, browser=browser)


def orders(count: int, seed: int) -> str:
    """Orders that are given now and then, and hold until the next, as the table that `train frames` reads."""
    chance, lines = random.Random(seed), [f"video,{','.join(ORDERS)},label"]
    for n in range(count):
        for step in range(STEPS):
            given = step == 0 or chance.random() < OFTEN
            if given:
                label = chance.choice(ORDERS)
            seen = ",".join(f"{int(given and each == label)}" for each in ORDERS)
            lines.append(f"sequence {n},{seen},{label}")
    return "\n".join(lines) + "\n"
