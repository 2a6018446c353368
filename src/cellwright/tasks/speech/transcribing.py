"""The speech task: what is said in recordings, symbol by symbol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ..examples import ExampleTask
from ..exhibit import Exhibit, new_figure, plain
from ..kept import Kept
from ..symbols import Symbols, from_json, to_json
from ..task import Files, Parts
from ..transcripts import BLANK, Transcriber, Transcribing, TranscribingTask
from ..transcripts.problem import symbols_of
from .features import SHIFT, LogMel, frames
from .model import Ear
from .reading import Recording
from .settings import SpeechSettings

HEARD_FILE = "heard.json"
TABLES = ("symbols", "rate", "means", "deviations")
MEASURED = 1000
"""Recordings that the scale of the features is taken from, at most."""
SPOKEN = 0.2
"""A symbol that is more probable than this somewhere is shown."""
LEAST = 1e-3
"""A band that varies less is not scaled up."""


class SpeechTranscribing(Transcribing):
    """What a network is for that transcribes recordings.

    Args:
        symbols: the characters or words that are known, from 1 on.
        rate: samples per second.
        scale: means and deviations of the log-mel features in each band, `[2, bands]`.
        settings: see `SpeechSettings`.
    """

    settings: SpeechSettings
    remedy = "bring all at one sample rate (sox IN.wav -r RATE OUT.wav), each with what it says, and no more than fits"

    def __init__(self, symbols: Symbols, rate: int, scale: Tensor, settings: SpeechSettings) -> None:
        super().__init__(symbols, Kept(LogMel(rate, settings.bands)), settings)
        self.rate, self.scale = rate, scale

    @classmethod
    def open(cls, settings: SpeechSettings, files: Files) -> SpeechTranscribing:
        """The problem of a run."""
        return cls(*tables(files), settings)

    @property
    def files(self) -> Mapping[str, bytes]:
        """The symbols, the sample rate and the scale of the features."""
        found = (self.symbols.names, [self.rate], *self.scale.tolist())
        return {HEARD_FILE: to_json(dict(zip(TABLES, found, strict=True)))}

    def ear(self) -> Ear:
        """What comes before the recurrent layers."""
        means, deviations = self.scale
        return Ear(means, deviations, self.settings)

    def network(self) -> nn.Module:
        """A new network."""
        return Transcriber(self.ear(), len(self.symbols), self.settings)

    def lengths(self, examples: Sequence[Recording]) -> list[int]:
        """Frames of each recording."""
        return [frames(each.length) for each in examples]

    def unreadable(self, example: Recording) -> str | None:
        """It has another sample rate than is learned."""
        if example.rate == self.rate:
            return None
        return f"has {example.rate:,} samples per second, not {self.rate:,}"


class SpeechTask(TranscribingTask, SpeechTranscribing):
    """Recordings to learn from.

    Args:
        parts: recordings; where none are given to watch, some of the first are kept for it.
        settings: see `SpeechSettings`.
        files: those of an earlier run; None makes new ones from the recordings to learn from.

    Raises:
        DataError: there are too few, some have no transcript, one that is too long, or another sample rate.
    """

    def __init__(self, parts: Parts, settings: SpeechSettings, files: Files | None = None) -> None:
        ExampleTask.__init__(self, parts, settings.validation)
        found = heard(self.learned, settings) if files is None else tables(files)
        SpeechTranscribing.__init__(self, *found, settings)
        self.front = self.ear()
        self.settle()

    @property
    def summary(self) -> str:
        """How many recordings there are, how long, and of what the transcripts are made."""
        hours = sum(each.length for each in self.learned) / 3600
        return (
            f"{len(self.learned):,} recordings ({hours:.2f} hours at {self.rate:,} Hz, {len(self.symbols)} different "
            f"{self.settings.unit}), measuring on {len(self.tested):,}"
        )

    @torch.no_grad()
    def look(self, network: nn.Module, examples: Sequence[Recording]) -> Exhibit:
        """A recording as the network hears it, and what it says in each step."""
        example = examples[0]
        signals, lengths, *_ = self.batch(examples, [0])
        shares = network(signals, lengths)[0][0].softmax(-1)
        figure = new_figure(9, 4)
        above, below = figure.subplots(2, 1, sharex=True)
        seconds = len(signals[0]) * SHIFT
        above.imshow(signals[0].T.numpy(), origin="lower", aspect="auto", extent=(0, seconds, 0, self.settings.bands))
        above.set(ylabel="mel band", title=plain(f"true: {example.transcript}"))
        times = (torch.arange(len(shares)) + 0.5) * SHIFT * self.settings.stack
        for number in shares[:, 1:].amax(0).gt(SPOKEN).nonzero()[:, 0].tolist():
            below.plot(times, shares[:, 1 + number], label=plain(repr(self.symbols.name(1 + number))))
        below.plot(times, shares[:, BLANK], color="lightgrey", label="none")
        below.set(xlabel="seconds", ylabel="probability")
        below.legend(fontsize=7, ncols=2)
        return Exhibit("A recording", "Its spectrum, and when the network says what.", figure=figure)


def heard(recordings: Sequence[Recording], settings: SpeechSettings) -> tuple[Symbols, int, Tensor]:
    """Symbols, sample rate and scale of recordings to learn from."""
    rate, made = recordings[0].rate, LogMel(recordings[0].rate, settings.bands)
    chosen = recordings[:: -(-len(recordings) // MEASURED)]
    sums, count = torch.zeros(2, settings.bands, dtype=torch.float64), 0
    for each in chosen:
        features = made(each.path).double()
        sums, count = sums + torch.stack([features.sum(0), features.square().sum(0)]), count + len(features)
    means, squares = sums / count
    deviations = (squares - means.square()).clamp(min=0).sqrt().clamp(min=LEAST)
    return symbols_of(recordings, settings), rate, torch.stack([means, deviations]).float()


def tables(files: Files) -> tuple[Symbols, int, Tensor]:
    """The same, out of the files of a run."""
    symbols, rate, *scale = from_json(files(HEARD_FILE), TABLES)
    return Symbols(symbols, first=1), int(rate[0]), torch.tensor([[float(each) for each in row] for row in scale])
