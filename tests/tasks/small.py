"""Small data for every family of tasks, with something to learn in them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path

CITIES = ["rome", "oslo", "lima", "new york", "los angeles"]
MOODS = {"good": ["splendid", "lovely", "charming"], "bad": ["dull", "tedious", "awful"]}


def sentences(path: Path, count: int, seed: int) -> Path:
    """Questions about the weather in cities, with spans and a label."""
    chance, lines = random.Random(seed), []
    for _ in range(count):
        city = chance.choice(CITIES).split()
        ask = chance.choice([True, False])
        words = [*(["will", "it", "rain", "in"] if ask else ["book", "a", "room", "in"]), *city, "today"]
        tags = ["O"] * 4 + ["B-city", *["I-city"] * (len(city) - 1)] + ["O"]
        lines += [f"# label = {'weather' if ask else 'booking'}", *map("{} {}".format, words, tags), ""]
    path.write_text("\n".join(lines))
    return path


def texts(path: Path, count: int, seed: int) -> Path:
    """Opinions of two kinds."""
    chance, lines = random.Random(seed), ["text,label"]
    for n in range(count):
        mood = list(MOODS)[n % 2]
        lines.append(f'"a {chance.choice(MOODS[mood])} film, {chance.choice(["really", "truly"])}",{mood}')
    path.write_text("\n".join(lines))
    return path


def clips(path: Path, count: int, seed: int) -> Path:
    """Something that moves up or down, seen with noise; some frames have no label."""
    chance, lines = random.Random(seed), ["video,height,wave,label"]
    for n in range(count):
        height, direction = 0.0, 1
        for t in range(40):
            direction = -direction if chance.random() < 0.1 else direction
            height += direction + chance.gauss(0, 0.2)
            label = "" if t == 0 else "up" if direction > 0 else "down"
            lines.append(f"clip{n},{height:.3f},{math.sin(t):.3f},{label}")
    path.write_text("\n".join(lines))
    return path


def prose(path: Path, count: int, seed: int) -> Path:
    """Sentences of few words."""
    chance = random.Random(seed)
    words = ["gate", "cell", "state", "unit", "step", "layer"]
    path.write_text("".join(f"the {chance.choice(words)} of a {chance.choice(words)}.\n" for _ in range(count)))
    return path


def readings(path: Path, count: int, seed: int) -> Path:
    """A wave with a period of eight hours, which grows and has a gap."""
    chance, lines = random.Random(seed), ["date,load"]
    for n in range(4 * count):
        value = "" if n == 30 else f"{math.sin(n * math.pi / 4) * (1 + n / 200) + chance.gauss(0, 0.05):.4f}"
        lines.append(f"2024-01-{1 + n // 24:02} {n % 24:02}:00,{value}")
    path.write_text("\n".join(lines))
    return path


MAKERS: dict[str, Callable[[Path, int, int], Path]] = {
    "text": prose,
    "tags": sentences,
    "labels": texts,
    "frames": clips,
    "series": readings,
    "memory": lambda path, count, seed: path.with_name("reber"),
}
"""What writes data for a family: so many examples, by a seed, to a path."""

OPTIONS: dict[str, list[str]] = {
    "text": ["--hidden", "16", "--embedding", "8", "--batch", "4", "--chunk", "16"],
    "tags": ["--hidden", "12", "--words", "8", "--characters", "6", "--spelling", "6", "--batch", "8"],
    "labels": ["--hidden", "8", "--embedding", "8", "--batch", "8"],
    "frames": ["--hidden", "16", "--batch", "4", "--crop", "20"],
    "series": ["--hidden", "8", "--history", "16", "--horizon", "8", "--period", "8", "--batch", "8"],
    "memory": ["--hidden", "12", "--batch", "4"],
}
"""What makes a family's network small."""
