"""The lines task: the text in images of single lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from ..examples import ExampleTask
from ..exhibit import Exhibit, new_figure, plain
from ..kept import Kept
from ..symbols import Symbols, from_json, to_json
from ..task import Files, Parts
from ..transcripts import Signal, Transcriber, Transcribing, TranscribingTask
from ..transcripts.problem import symbols_of
from .images import Ink, columns
from .model import Eye
from .settings import LineSettings

ALPHABET_FILE = "alphabet.json"


class LineReading(Transcribing):
    """What a network is for that reads lines.

    Args:
        symbols: the characters or words that are known, from 1 on.
        settings: see `LineSettings`.
    """

    settings: LineSettings

    def __init__(self, symbols: Symbols, settings: LineSettings) -> None:
        super().__init__(symbols, Kept(Ink(settings.height)), settings)

    @classmethod
    def open(cls, settings: LineSettings, files: Files) -> LineReading:
        """The problem of a run."""
        return cls(alphabet(files), settings)

    @property
    def files(self) -> Mapping[str, bytes]:
        """The symbols."""
        return {ALPHABET_FILE: to_json({"symbols": self.symbols.names})}

    def network(self) -> nn.Module:
        """A new network."""
        return Transcriber(Eye(self.settings), len(self.symbols), self.settings)

    def lengths(self, examples: Sequence[Signal]) -> list[int]:
        """Columns of each line."""
        return [columns(each.length, self.settings.height) for each in examples]


class LineTask(TranscribingTask, LineReading):
    """Lines to learn from.

    Args:
        parts: lines; where none are given to watch, some of the first are kept for it.
        settings: see `LineSettings`.
        files: those of an earlier run; None makes new ones from the lines to learn from.

    Raises:
        DataError: there are too few, some have no text, or one that is too long for its image.
    """

    def __init__(self, parts: Parts, settings: LineSettings, files: Files | None = None) -> None:
        ExampleTask.__init__(self, parts, settings.validation)
        LineReading.__init__(self, symbols_of(self.learned, settings) if files is None else alphabet(files), settings)
        self.front = Eye(settings)
        self.settle()

    advice: Mapping[str, Any] = {"learning_rate": 2e-3, "epochs": 60}

    @property
    def summary(self) -> str:
        """How many lines and different symbols there are."""
        return (
            f"{len(self.learned):,} lines ({len(self.symbols)} different {self.settings.unit}), "
            f"measuring on {len(self.tested):,}"
        )

    def look(self, network: nn.Module, examples: Sequence[Signal]) -> Exhibit:
        """Some lines as the network sees them, with what they say."""
        figure = new_figure(9, 1.2 * len(examples))
        found = self.transcripts(network, examples)
        places = figure.subplots(len(examples), 1, squeeze=False)[:, 0]
        for axes, each, (_, text) in zip(places, examples, found, strict=True):
            axes.imshow(255 - self.signals[each.path].T.numpy(), cmap="gray", vmin=0, vmax=255)
            axes.set_anchor("W")
            axes.set_title(plain(f"true   {each.transcript}\nfound  {text}"), fontsize=8, loc="left")
            axes.axis("off")
        return Exhibit("Lines", "Some lines, scaled as the network sees them.", figure=figure)


def alphabet(files: Files) -> Symbols:
    """The symbols, out of the files of a run."""
    [names] = from_json(files(ALPHABET_FILE), ["symbols"])
    return Symbols(names, first=1)
