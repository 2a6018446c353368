"""Telling recordings apart by their whole transcripts: spoken commands, single digits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor, nn
from torch.nn import functional

from ...errors import DataError
from ..confusion import Classified, Confusion
from ..exhibit import Exhibit
from ..task import Beside, Carried, Step
from ..transcripts import Signal, TranscriptBatch
from .model import WordClassifier
from .transcribing import SpeechTask, SpeechTranscribing


class Naming(SpeechTranscribing):
    """What a network is for that hears one of several words; the symbols are the words."""

    unit = "recordings"

    def network(self) -> WordClassifier:
        """A new network."""
        return WordClassifier(self.ear(), len(self.symbols), self.settings)

    def unmeasurable(self, example: Signal) -> str | None:
        """It cannot be heard, or has no transcript, or one that was never learned."""
        unlearned = example.transcript not in self.symbols.numbers
        return super().unmeasurable(example) or (f"{example.transcript!r} was never learned" if unlearned else None)

    def tell(self, examples: Sequence[Signal]) -> None:
        """Nothing: what was never learned is refused."""

    def read_one(self, network: nn.Module, example: Signal) -> Beside:
        """The word, and the word that is found."""
        assert isinstance(network, WordClassifier)
        signals, lengths, *_ = self.batch([example], [0])
        (found,) = self.say(network, signals, lengths)
        count = network.ear.steps(int(lengths))
        return {"word": ([example.transcript or ""] * count, ()), "found": ([found] * count, ())}

    def step(self, network: nn.Module, batch: TranscriptBatch, carried: Carried) -> Step:
        """Cross-entropy of the words, in nats per recording."""
        scores, true = network(batch.signals, batch.lengths), batch.targets[:, 0] - 1
        found = None if network.training else Classified(true, scores.argmax(-1))
        return Step(functional.cross_entropy(scores, true), len(true), found=found)

    def say(self, network: nn.Module, signals: Tensor, lengths: Tensor) -> list[str]:
        """The likeliest word of each recording."""
        return [self.symbols.name(1 + each) for each in network(signals, lengths).argmax(-1).tolist()]

    def metric(self) -> Confusion:
        """Accuracy, and the mean F1 of the words."""
        return Confusion(self.symbols.names)


class NamingTask(SpeechTask, Naming):
    """Recordings of single words to learn from; see `SpeechTask`."""

    def crowded(self, example: Signal) -> None:
        """A word is told from a whole recording, however short."""

    def settle(self) -> None:
        """Refuse, or leave out, what cannot be learned from or measured on.

        Raises:
            DataError: see `ExampleProblem.sound`; or there is only one word.
        """
        super().settle()
        if len(self.symbols) < 2:
            raise DataError(f"there must be at least two words to tell apart, but all are {self.symbols.name(1)!r}")

    def exhibits(self, network: nn.Module, metric: Confusion) -> Iterator[Exhibit]:
        """What is taken for what."""
        return metric.exhibits("recordings")
