"""Speech: three to seven spoken digits, joined (Free Spoken Digit Dataset: Jackson et al., 2016)."""

import random
import zipfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import soundfile

from .digits_spoken import recordings
from .recipe import Command, Recipe
from .tables import write_table

RATE = 8000
LONGEST_PAUSE = 0.2  # seconds between two digits, and at both ends
UTTERANCES = {"train": 4000, "valid": 300, "test": 300}


def prepare(source: Path, target: Path) -> None:
    """Utterances of one speaker each, joined of recordings of one part alone."""
    single = target / "single"
    with zipfile.ZipFile(source / "recordings.zip") as archive:
        archive.extractall(single)
    for part, count in UTTERANCES.items():
        of_speaker = defaultdict(list)
        for path, digit, speaker in recordings(single, part):
            of_speaker[speaker].append((soundfile.read(path, dtype="int16")[0], digit))
        chance, rows = random.Random(part), []
        (target / part).mkdir()
        for n in range(count):
            chosen = chance.choices(of_speaker[chance.choice(sorted(of_speaker))], k=chance.randint(3, 7))
            pauses = [np.zeros(round(RATE * LONGEST_PAUSE * chance.random()), np.int16) for _ in range(len(chosen) + 1)]
            pieces = [
                pauses[0],
                *(each for (samples, _), pause in zip(chosen, pauses[1:], strict=True) for each in (samples, pause)),
            ]
            path = target / part / f"{n:04}.wav"
            soundfile.write(path, np.concatenate(pieces), RATE)
            rows.append([path.relative_to(target).as_posix(), " ".join(digit for _, digit in chosen)])
        write_table(target / f"{part}.csv", ["path", "transcript"], rows)


RECIPE = Recipe(
    title="speech: digits by CTC",
    source="fsdd",
    prepare=prepare,
    commands=[
        Command("speech train.csv --valid valid.csv --test test.csv --unit words --hidden 128 --batch 32 --epochs 15")
    ],
    figure="word_error",
    reach=0.03,
    good=0.01,
    minutes=15,
    lower=True,
)
