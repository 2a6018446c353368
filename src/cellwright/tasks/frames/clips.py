"""Making clips in which a moving thing changes its direction: what a forget gate can be seen at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import InputError
from ..tables import table_line
from .video import write_film

SIZE, THING = 36, 20
"""Pixels of a frame, and of the thing at most."""
FRAMES = 20
EARLIEST, LATEST = 6, 14
"""Between which frames the direction changes."""
DIRECTIONS = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}


def shapes() -> dict[str, list[np.ndarray]]:
    """Things to move if there are no others: a disc, a cross and a frame, each in some sizes."""
    found: dict[str, list[np.ndarray]] = {"disc": [], "cross": [], "frame": []}
    for size in range(9, THING + 1, 2):
        far = np.abs(np.arange(size) - size // 2)
        found["disc"].append(far[:, None] ** 2 + far**2 <= (size / 2) ** 2)
        found["cross"].append((far[:, None] <= 1) | (far <= 1))
        found["frame"].append(np.maximum(far[:, None], far) >= size // 2 - 1)
    return {name: [np.uint8(255) * each for each in images] for name, images in found.items()}


def clip(thing: np.ndarray, chance: np.random.Generator) -> tuple[np.ndarray, list[str]]:
    """A clip and the direction of each frame since the one before; of the first there is none.

    The thing goes a pixel a frame and never leaves the picture.

    Args:
        thing: brightness, uint8, at most `THING` pixels wide and high.
        chance: where it is, how it goes, and when it turns.

    >>> frames, names = clip(shapes()["disc"][0], np.random.default_rng(1))
    >>> frames.shape, names[0], len(set(names[1:]))
    ((20, 36, 36), '', 2)
    """
    room = np.array([SIZE, SIZE]) - thing.shape
    turn = int(chance.integers(EARLIEST, LATEST + 1))
    while True:
        first, second = chance.choice(list(DIRECTIONS), 2, replace=False)
        moves = np.array([(0, 0)] + [DIRECTIONS[first]] * (turn - 1) + [DIRECTIONS[second]] * (FRAMES - turn))
        places = chance.integers(0, room + 1) + moves.cumsum(0)
        if (places >= 0).all() and (places <= room).all():
            break
    frames = np.zeros((FRAMES, SIZE, SIZE), np.uint8)
    for frame, (top, left) in zip(frames, places, strict=True):
        frame[top : top + thing.shape[0], left : left + thing.shape[1]] = thing
    return frames, ["", *[str(first)] * (turn - 1), *[str(second)] * (FRAMES - turn)]


def write_clips(folder: Path, count: int, seed: int, things: dict[str, list[np.ndarray]]) -> None:
    """A folder of clips, and two tables: which way the thing goes in each frame, and what it is.

    Args:
        folder: it gets `directions.csv`, `things.csv` and the clips.
        count: how many clips.
        seed: where chance begins.
        things: images of each kind, brightness.

    Raises:
        InputError: the folder has something in it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"clips need a folder of their own, but {str(folder)!r} is taken; give another")
    folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(seed)
    kinds = [(name, image) for name, images in things.items() for image in images]
    tables: dict[str, list[Sequence[object]]] = {"directions": [], "things": []}
    for n in range(count):
        name, image = kinds[chance.integers(len(kinds))]
        frames, directions = clip(cropped(image), chance)
        film = f"{n:05}.mkv"
        write_film(folder / film, frames)
        tables["directions"] += [(film, frame, each) for frame, each in enumerate(directions)]
        tables["things"] += [(film, frame, name) for frame in range(FRAMES)]
    for table, rows in tables.items():
        content = "".join(map(table_line, [("video", "frame", "label"), *rows]))
        (folder / f"{table}.csv").write_text(content, encoding="utf-8")


def cropped(image: np.ndarray) -> np.ndarray:
    """The part of an image where something is, at most `THING` pixels wide and high."""
    rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1][:THING, :THING]
