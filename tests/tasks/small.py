"""Small data for every family of tasks, with something to learn in them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image, ImageDraw, ImageFont

TONES, RATE = {"low": 400, "high": 1500}, 8000
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


def windows(path: Path, count: int, seed: int) -> Path:
    """Waves of two speeds, with noise, of different lengths."""
    chance, lines = random.Random(seed), ["sequence,height,still,label"]
    for n in range(count):
        speed, start = (0.5, 1.5)[n % 2], chance.uniform(0, math.pi)
        for t in range(chance.randint(15, 30)):
            height = math.sin(start + speed * t) + chance.gauss(0, 0.2)
            lines.append(f"wave{n},{height:.3f},1,{('slow', 'fast')[n % 2]}")
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
    path.write_text("".join(f"The {chance.choice(words)} of the {chance.choice(words)}.\n" for _ in range(count)))
    return path


def readings(path: Path, count: int, seed: int) -> Path:
    """A wave with a period of eight hours, which grows and has a gap."""
    chance, lines = random.Random(seed), ["date,load"]
    for n in range(4 * count):
        value = "" if n == 30 else f"{math.sin(n * math.pi / 4) * (1 + n / 200) + chance.gauss(0, 0.05):.4f}"
        lines.append(f"2024-01-{1 + n // 24:02} {n % 24:02}:00,{value}")
    path.write_text("\n".join(lines))
    return path


def recordings(path: Path, count: int, seed: int) -> Path:
    """High and low tones, one to three of them, with noise, and a table of what they are."""
    chance, numbers = random.Random(seed), np.random.default_rng(seed)
    rows, folder = ["path,transcript"], path.with_suffix(".recordings")
    folder.mkdir(exist_ok=True)
    for n in range(count):
        words = [chance.choice(list(TONES)) for _ in range(chance.randint(1, 3))]
        pause = np.zeros(400)
        tones = [np.sin(2 * np.pi * TONES[word] / RATE * np.arange(chance.randint(900, 1300))) for word in words]
        samples = np.concatenate([pause, *(each for tone in tones for each in (tone, pause))])
        soundfile.write(folder / f"{n}.wav", 0.3 * samples + 0.01 * numbers.normal(size=len(samples)), RATE)
        rows.append(f"{folder.name}/{n}.wav,{' '.join(words)}")
    path.write_text("\n".join(rows))
    return path


def lines(path: Path, count: int, seed: int) -> Path:
    """Images of short words, beside each its text."""
    chance = random.Random(seed)
    path.mkdir(exist_ok=True)
    for n in range(count):
        word = "".join(chance.choice("ilo") for _ in range(chance.randint(2, 5)))
        image = Image.new("L", (10 + 8 * len(word), 16), 230)
        ImageDraw.Draw(image).text((4, 2), word, fill=20, font=ImageFont.load_default_imagefont())
        image.save(path / f"{n:03}.nrm.png")
        (path / f"{n:03}.gt.txt").write_text(word)
    return path


MAKERS: dict[str, Callable[[Path, int, int], Path]] = {
    "text": prose,
    "tags": sentences,
    "labels": texts,
    "frames": clips,
    "series": readings,
    "speech": recordings,
    "lines": lines,
    "memory": lambda path, count, seed: path.with_name("reber"),
}
"""What writes data for a family: so many examples, by a seed, to a path."""

OPTIONS: dict[str, list[str]] = {
    "text": ["--hidden", "16", "--embedding", "8", "--batch", "4", "--chunk", "16"],
    "tags": ["--hidden", "12", "--words", "8", "--characters", "6", "--spelling", "6", "--batch", "8"],
    "labels": ["--hidden", "8", "--embedding", "8", "--batch", "8"],
    "frames": ["--hidden", "16", "--batch", "4", "--crop", "20"],
    "series": ["--hidden", "8", "--history", "16", "--horizon", "8", "--period", "8", "--batch", "8"],
    "speech": ["--hidden", "12", "--unit", "words", "--layers", "1", "--bands", "20", "--batch", "4", "--masks", "0"],
    "lines": ["--hidden", "12", "--layers", "1", "--height", "16", "--channels", "4", "--batch", "4", "--distort", "0"],
    "memory": ["--hidden", "12", "--batch", "32"],
}
"""What makes a family's network small."""
