"""A label for every frame: what is the same for features and for pixels."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import DataError
from ...layers import Recurrent
from ..batches import IGNORED, Batches, padded
from ..examples import ExampleProblem, ExampleTask
from ..exhibit import Exhibit
from ..recurrent import Encoder
from ..symbols import Symbols
from ..tables import table_line
from ..task import Beside, Carried, Step
from .metric import FrameMetric
from .reading import Video
from .segments import segments
from .settings import FrameSettings

FRAMES_FILE = "frames.json"


class FrameBatch(NamedTuple):
    """B pieces of at most T frames.

    Attributes:
        frames: `[B, T, ...]`, zero behind the lengths.
        lengths: int64 `[B]`.
        labels: int64 `[B, T]`; `IGNORED` where there is none.
    """

    frames: Tensor
    lengths: Tensor
    labels: Tensor


class FrameNetwork(nn.Module):
    """Scores of labels for every frame.

    Args:
        width: numbers that the recurrent layers read of a frame.
        labels: how many there are.
        settings: see `FrameSettings`.
    """

    def __init__(self, width: int, labels: int, settings: FrameSettings) -> None:
        super().__init__()
        self.encoder = Encoder(width, settings, bidirectional=not settings.causal)
        self.dropout = nn.Dropout(settings.dropout)
        self.output = nn.Linear(self.encoder.width, labels)

    @property
    def layers(self) -> Recurrent:
        """The recurrent layers, if they are Cellwright's."""
        assert isinstance(self.encoder.recurrent, Recurrent)
        return self.encoder.recurrent

    @abstractmethod
    def before(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """What the recurrent layers read of frames `[B, T, ...]`: `[B, T, width]`."""

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Scores `[B, T, labels]` for frames `[B, T, ...]`."""
        scores: Tensor = self.output(self.dropout(self.encoder(self.before(frames, lengths), lengths)))
        return scores


class FrameProblem(ExampleProblem):
    """What a network is for that labels frames.

    Args:
        labels: their names.
        settings: see `FrameSettings`.
    """

    unit = "frames"
    settings: FrameSettings
    remedy = "bring videos like those that are learned, and frames to learn from for each label"

    def __init__(self, labels: Symbols, settings: FrameSettings) -> None:
        self.labels, self.settings = labels, settings
        self.weights = torch.ones(len(labels))

    @property
    def scored(self) -> Sequence[str]:
        """The labels."""
        return self.labels.names

    @abstractmethod
    def seen(self, video: Any) -> Tensor:
        """What the network sees of a video, `[T, ...]`."""

    def lengths(self, examples: Sequence[Video]) -> list[int]:
        """Frames of each video."""
        return [len(each.labels) for each in examples]

    def tensors(self, video: Video) -> tuple[Tensor, Tensor]:
        """What the network sees, and the numbers of the labels."""
        return self.seen(video), torch.tensor([self.labels.number(each, IGNORED) for each in video.labels])

    def batch(self, examples: Sequence[Video], group: Sequence[int]) -> FrameBatch:
        """Some videos as tensors."""
        return batch_of([self.tensors(examples[n]) for n in group])

    @abstractmethod
    def shown(self, video: Any) -> Beside:
        """What a person sees of each frame."""

    def read_one(self, network: nn.Module, example: Video) -> Beside:
        """What is seen of each frame, its label, the label that is found, and how probable that is."""
        names, shares = self.found(network, example)
        return {
            **self.shown(example),
            "label": (list(example.labels), ()),
            "found": (names, ()),
            "probability": (shares, ()),
        }

    def unmeasurable(self, example: Video) -> str | None:
        """It cannot be read, or has a label that was never learned."""
        known = {"", *self.labels.names}
        strange = ((n, label) for n, label in enumerate(example.labels) if label not in known)
        unlearned = (f"the label {label!r} of frame {n} was never learned" for n, label in strange)
        return self.unreadable(example) or next(unlearned, None)

    def measurable(self, examples: Sequence[Video]) -> list[Video]:
        """The videos that can be learned from, or measured on.

        Raises:
            DataError: see `sound`; or no frame has a label.
        """
        found = super().measurable(examples)
        if not any(label for each in found for label in each.labels):
            raise DataError("to be measured, some frames must have a label, but none has; fill the column label")
        return found

    def step(self, network: nn.Module, batch: FrameBatch, carried: Carried) -> Step:
        """Cross-entropy of the labels, in nats per labelled frame."""
        scores = network(batch.frames, batch.lengths)
        known = batch.labels >= 0
        weights = self.weights.to(scores.device) if network.training else None
        total = functional.cross_entropy(
            scores.flatten(0, 1), batch.labels.flatten(), weights, ignore_index=IGNORED, reduction="sum"
        )
        count = int(known.sum())
        found = None
        if not network.training:
            best = scores.argmax(-1)
            rows = zip(batch.labels, best, known, strict=True)
            found = [(true[own].tolist(), guess[own].tolist()) for true, guess, own in rows if own.any()]
        return Step(total / max(1, count), count, found=found)

    def metric(self) -> FrameMetric:
        """Accuracy of frames, edit score and F1 of segments."""
        return FrameMetric()

    @torch.no_grad()
    def found(self, network: nn.Module, video: Video) -> tuple[list[str], list[float]]:
        """The likeliest label of every frame, and how probable it is."""
        frames, lengths, _ = batch_of([self.tensors(video)])
        best = network(frames, lengths)[0].softmax(-1).max(-1)
        return [self.labels.name(each) for each in best.indices.tolist()], best.values.tolist()

    def predict(self, network: nn.Module, data: Sequence[Video]) -> Iterator[str]:
        """A line for each frame: its video, its number from 0, its label, and how probable that is."""
        data = self.readable(data)
        yield "video,frame,label,probability\n"
        for video in data:
            for n, (label, share) in enumerate(zip(*self.found(network, video), strict=True)):
                yield table_line([video.name, n, label, f"{share:.3f}"])


class FrameTask(ExampleTask, FrameProblem):
    """Videos to learn from."""

    def ready(self) -> None:
        """Settle the examples, and let all labels weigh the same, if that is asked for."""
        self.settle()
        if self.settings.balanced:
            counts = Counter(label for each in self.learned for label in each.labels if label)
            shares = torch.tensor([counts[name] for name in self.labels.names], dtype=torch.float32)
            self.weights = shares.sum() / len(shares) / shares.clamp(min=1)

    advice: Mapping[str, Any] = {"learning_rate": 3e-3, "epochs": 60}

    def training(self, epoch: int) -> Batches:
        """Pieces of the videos, as many as cover them, each cut out where chance has it; or the videos whole."""
        if not self.settings.crop:
            return super().training(epoch)
        crop, chance = self.settings.crop, torch.Generator().manual_seed(epoch)
        cuts = []
        for n, length in enumerate(self.lengths(self.learned)):
            starts = torch.randint(max(0, length - crop) + 1, (-(-length // crop),), generator=chance)
            cuts += [(n, start) for start in starts.tolist()]
        order = torch.randperm(len(cuts), generator=chance).tolist()
        groups = [order[n : n + self.settings.batch] for n in range(0, len(order), self.settings.batch)]

        def piece(n: int, start: int) -> tuple[Tensor, Tensor]:
            frames, labels = self.tensors(self.learned[n])
            return frames[start : start + crop], labels[start : start + crop]

        return Batches(groups, lambda group: batch_of([piece(*cuts[n]) for n in group]))

    def sample(self, network: nn.Module) -> str:
        """The segments of one video, as they are and as they are found."""
        video = self.watched[0]
        names, _ = self.found(network, video)
        return f"true   {in_runs(video.labels)}\nfound  {in_runs(names)}"

    def exhibits(self, network: nn.Module, metric: FrameMetric) -> Iterator[Exhibit]:
        """The labels of some videos over time, and the gates where they change."""
        from .exhibits import exhibits

        return exhibits(self, cast(FrameNetwork, network), self.tested)


def batch_of(pieces: Sequence[tuple[Tensor, Tensor]]) -> FrameBatch:
    """Frames and labels of some pieces as tensors."""
    lengths = torch.tensor([len(labels) for _, labels in pieces])
    return FrameBatch(
        padded([frames for frames, _ in pieces]), lengths, padded([labels for _, labels in pieces], IGNORED)
    )


def labels_of(videos: Sequence[Video]) -> Symbols:
    """The labels of videos to learn from.

    Raises:
        DataError: there is only one.
    """
    labels = sorted({label for each in videos for label in each.labels if label})
    if len(labels) < 2:
        raise DataError(f"there must be at least two labels to tell apart, but there are {len(labels)}")
    return Symbols(labels)


def in_runs(labels: Sequence[str]) -> str:
    """Labels in short.

    >>> in_runs(["rest", "rest", "", "move"])
    'rest x 2, no label x 1, move x 1'
    """
    names = Symbols(dict.fromkeys(labels))
    runs = segments([names.number(each) for each in labels])
    return ", ".join(f"{names.name(each.label) or 'no label'} x {each.end - each.first}" for each in runs)
