"""Transcribing: what speech and lines of text have in common as a task."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from ...errors import DataError
from ..batches import padded
from ..examples import ExampleProblem, ExampleTask
from ..exhibit import Exhibit, confusions
from ..kept import Kept
from ..symbols import Symbols, tell_unlearned
from ..task import Beside, Carried, Metric, Step
from .ctc import beam_search, ctc_loss, greedy, steps_needed
from .metric import TranscriptMetric
from .model import Front
from .settings import TranscriptSettings
from .signal import Signal

SAMPLES = 4
REPORTED, WORST, LOOKED = 200, 10, 4
"""Signals that are read again for a report; how many of the worst, and of all, are shown."""


class TranscriptBatch(NamedTuple):
    """B signals of at most T steps.

    Attributes:
        signals: `[B, T, ...]`, zero behind the lengths.
        lengths: int64 `[B]`.
        targets: numbers of known symbols, int64 `[B, U]`.
        target_lengths: int64 `[B]`.
        transcripts: the same as text, unknown symbols included.
    """

    signals: Tensor
    lengths: Tensor
    targets: Tensor
    target_lengths: Tensor
    transcripts: tuple[str, ...]


class Transcribing(ExampleProblem):
    """What a network is for that transcribes.

    Args:
        symbols: the characters or words that are known, from 1 on.
        signals: what is read of the files.
        settings: see `TranscriptSettings`.
    """

    settings: TranscriptSettings
    remedy = "bring each with what it says, and no more than fits"

    def __init__(self, symbols: Symbols, signals: Kept, settings: TranscriptSettings) -> None:
        self.symbols, self.signals, self.settings = symbols, signals, settings

    @property
    def unit(self) -> str:
        """What is counted."""
        return self.settings.unit

    @property
    def scored(self) -> Sequence[str]:
        """The blank, then the symbols."""
        return ("blank", *self.symbols.names)

    @abstractmethod
    def network(self) -> nn.Module:
        """A new network."""

    def numbers(self, transcript: str) -> list[int]:
        """The numbers of the symbols that are known."""
        found = (self.symbols.numbers.get(each) for each in self.settings.pieces(transcript))
        return [each for each in found if each is not None]

    def batch(self, examples: Sequence[Signal], group: Sequence[int]) -> TranscriptBatch:
        """Some signals as tensors."""
        chosen = [examples[n] for n in group]
        signals = [self.signals[each.path] for each in chosen]
        targets = [torch.tensor(self.numbers(each.transcript or ""), dtype=torch.int64) for each in chosen]
        return TranscriptBatch(
            padded(signals),
            torch.tensor([len(each) for each in signals]),
            padded(targets),
            torch.tensor([len(each) for each in targets]),
            tuple(each.transcript or "" for each in chosen),
        )

    def read_one(self, network: nn.Module, example: Signal) -> Beside:
        """The symbol that is likeliest at each step, and how probable it is; nothing where that is the blank."""
        signals, lengths, *_ = self.batch([example], [0])
        scores, steps = network(signals, lengths)
        best = scores[0, : int(steps)].softmax(-1).max(-1)
        found = [self.symbols.name(each) if each else "" for each in best.indices.tolist()]
        return {
            "found": (found, ()),
            "probability": (best.values.numpy(), ()),
            "transcript": ([example.transcript or ""] * len(found), ()),
        }

    def unmeasurable(self, example: Signal) -> str | None:
        """It cannot be read, or has no transcript."""
        return self.unreadable(example) or ("has no transcript" if example.transcript is None else None)

    def tell(self, examples: Sequence[Signal]) -> None:
        """Warn of symbols that were never learned: they count as missed."""
        pieces = (piece for each in examples for piece in self.settings.pieces(each.transcript or ""))
        tell_unlearned(self.unit, pieces, self.symbols)

    def step(self, network: nn.Module, batch: TranscriptBatch, carried: Carried) -> Step:
        """CTC in nats per symbol; where the network is not learning, what it reads, too."""
        scores, lengths = network(batch.signals, batch.lengths)
        count = max(1, int(batch.target_lengths.sum()))
        loss = ctc_loss(scores, lengths, batch.targets, batch.target_lengths) / count
        found = None if network.training else list(zip(batch.transcripts, self.read(scores, lengths), strict=True))
        return Step(loss, count, found=found)

    def read(self, scores: Tensor, lengths: Tensor) -> list[str]:
        """The transcripts of scores `[B, T, symbols]`."""
        width = self.settings.beam
        rows = [row[:length] for row, length in zip(scores.detach().cpu(), lengths.tolist(), strict=True)]
        found = [greedy(row) if width == 1 else beam_search(row, width) for row in rows]
        return [self.settings.joined([self.symbols.name(each) for each in row]) for row in found]

    def say(self, network: nn.Module, signals: Tensor, lengths: Tensor) -> list[str]:
        """What a network reads."""
        return self.read(*network(signals, lengths))

    def metric(self) -> Metric:
        """Errors of characters and words."""
        return TranscriptMetric(self.settings.unit)

    @torch.no_grad()
    def transcripts(self, network: nn.Module, data: Sequence[Signal]) -> Iterator[tuple[Path, str]]:
        """What is read of each signal."""
        data = self.readable(data)
        for start in range(0, len(data), self.settings.batch):
            group = range(start, min(start + self.settings.batch, len(data)))
            signals, lengths, *_ = self.batch(data, group)
            for n, found in zip(group, self.say(network, signals, lengths), strict=True):
                yield data[n].path, found

    def predict(self, network: nn.Module, data: Sequence[Signal]) -> Iterator[str]:
        """A line for each signal: its path and its transcript."""
        yield "path\ttranscript\n"
        for path, found in self.transcripts(network, data):
            yield f"{path}\t{found}\n"


class TranscribingTask(ExampleTask, Transcribing):
    """Signals with transcripts to learn from.

    Attributes:
        front: what comes before the recurrent layers.
    """

    front: Front

    def unmeasurable(self, example: Signal) -> str | None:
        """It cannot be read, or has no transcript, or one that cannot be said in its steps."""
        return super().unmeasurable(example) or self.crowded(example)

    def crowded(self, example: Signal) -> str | None:
        """The steps of a signal are too few for its transcript."""
        [length] = self.lengths([example])
        room, transcript = self.front.steps(length), example.transcript or ""
        if steps_needed(self.numbers(transcript)) <= room:
            return None
        return f"{room} steps are too few for its {len(self.settings.pieces(transcript))} {self.unit}"

    advice: Mapping[str, Any] = {"learning_rate": 3e-3, "epochs": 40}

    def sample(self, network: nn.Module) -> str:
        """A few transcripts, as they are and as they are read."""
        chosen = self.watched[:: -(-len(self.watched) // SAMPLES)]
        found = [text for _, text in self.transcripts(network, chosen)]
        return "\n".join(f"true   {each.transcript}\nfound  {text}" for each, text in zip(chosen, found, strict=True))

    def exhibits(self, network: nn.Module, metric: Any) -> Iterator[Exhibit]:
        """What is read as what, the worst transcripts, and some signals."""
        yield confusions(cast(TranscriptMetric, metric).confusions, self.unit)
        chosen = self.tested[:: -(-len(self.tested) // REPORTED)]
        found = [text for _, text in self.transcripts(network, chosen)]
        yield worst([(each.path, each.transcript or "", text) for each, text in zip(chosen, found, strict=True)])
        yield self.look(network, chosen[:LOOKED])

    @abstractmethod
    def look(self, network: nn.Module, examples: Sequence[Any]) -> Exhibit:
        """Some signals, and what is read of them."""


def worst(pairs: Sequence[tuple[Path, str, str]]) -> Exhibit:
    """The transcripts with most errors.

    Args:
        pairs: path, true transcript, and that which was found.
    """
    from rapidfuzz.distance import Levenshtein

    wrong = sorted(
        (each for each in pairs if each[1] != each[2]), key=lambda each: -Levenshtein.distance(each[1], each[2])
    )
    rows = [(path.name, true, found) for path, true, found in wrong[:WORST]]
    return Exhibit("Worst", f"{len(wrong):,} of {len(pairs):,} have an error.", [("file", "true", "found"), *rows])


def symbols_of(examples: Sequence[Signal], settings: TranscriptSettings) -> Symbols:
    """The characters or words of transcripts to learn from.

    Raises:
        DataError: there are none.
    """
    found = {piece for each in examples for piece in settings.pieces(each.transcript or "")}
    if not found:
        raise DataError("there must be something to transcribe, but every transcript to learn from is empty")
    return Symbols(sorted(found), first=1)
