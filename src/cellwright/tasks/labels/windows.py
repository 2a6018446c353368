"""A class for every measured sequence: windows of what sensors say, heartbeats, movements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..examples import ExampleTask
from ..measurements import SHOWN, Scale, disturbed
from ..symbols import Symbols, from_json, to_json
from ..tables import unlike
from ..task import Beside, Files, Parts
from .problem import LABELS_FILE, Classifier, LabelProblem, LabelTask, classes_of
from .reading import Example, Window
from .settings import LabelSettings


class WindowClassifier(Classifier):
    """A `Classifier` that reads features; while it learns, with noise, and some of them hidden."""

    def __init__(self, features: int, classes: int, settings: LabelSettings) -> None:
        super().__init__(features, classes, settings)
        self.noise, self.hide = settings.noise, settings.hide

    def before(self, steps: Tensor) -> Tensor:
        """The features, `[B, T, features]`."""
        return disturbed(steps, self.noise, self.hide) if self.training else steps


class WindowLabelling(LabelProblem):
    """What a classifier of measured sequences is for.

    Args:
        scale: the features.
        labels: the classes.
        label_counts: how many examples each has.
        settings: see `LabelSettings`.
    """

    unit = "sequences"

    def __init__(self, scale: Scale, labels: Symbols, label_counts: Sequence[int], settings: LabelSettings) -> None:
        super().__init__(labels, label_counts, settings)
        self.scale = scale

    @staticmethod
    def open(settings: LabelSettings, files: Files) -> WindowLabelling:
        """The problem of a run."""
        return WindowLabelling(*tables(files), settings)

    @property
    def files(self) -> Mapping[str, bytes]:
        """The features, how they are scaled, and the classes."""
        classes = {"labels": self.labels.names, "label_counts": self.label_counts}
        return {LABELS_FILE: to_json({**self.scale.tables, **classes})}

    def network(self) -> WindowClassifier:
        """A new classifier."""
        return WindowClassifier(len(self.scale.columns), len(self.labels), self.settings)

    def unreadable(self, example: Example | Window) -> str | None:
        """It has other features."""
        if isinstance(example, Example):
            return f"is a text, without the columns {', '.join(self.scale.columns)}"
        return unlike(example.columns, self.scale.columns)

    def seen(self, example: Window) -> Tensor:
        """The features, of about the same size all."""
        return self.scale(example.features)

    def shown(self, example: Window) -> Beside:
        """The first features."""
        return {"features": (example.features[:, :SHOWN].numpy(), example.columns[:SHOWN])}

    def told(self, example: Window) -> str:
        """Its name."""
        return " ".join(example.name.split())

    def lengths(self, examples: Sequence[Window]) -> list[int]:
        """Steps of each sequence."""
        return [len(each.features) for each in examples]


class WindowTask(LabelTask, WindowLabelling):
    """Measured sequences to learn from.

    Args:
        parts: sequences; where none are given to watch, some of the first are kept for it.
        settings: see `LabelSettings`.
        files: those of an earlier run; None makes new ones from the sequences to learn from.

    Raises:
        DataError: there are too few sequences, only one class, or some have no label.
    """

    def __init__(self, parts: Parts, settings: LabelSettings, files: Files | None = None) -> None:
        ExampleTask.__init__(self, parts, settings.validation)
        WindowLabelling.__init__(self, *(measured(self.learned) if files is None else tables(files)), settings)
        self.settle()

    @property
    def summary(self) -> str:
        """How many sequences, steps, features and classes there are."""
        return (
            f"{len(self.learned):,} sequences ({sum(self.lengths(self.learned)):,} steps of {len(self.scale.columns)} "
            f"features, {len(self.labels)} classes), measuring on {len(self.tested):,}"
        )


def measured(windows: Sequence[Window]) -> tuple[Scale, Symbols, Sequence[int]]:
    """The scale and the classes of sequences to learn from, and how many each class has."""
    classes = classes_of(windows)
    return Scale.learned(windows[0].columns, torch.cat([each.features for each in windows])), *classes


def tables(files: Files) -> tuple[Scale, Symbols, Sequence[int]]:
    """The same, out of the files of a run."""
    content = files(LABELS_FILE)
    labels, counts = from_json(content, ("labels", "label_counts"))
    return Scale.of_json(content), Symbols(labels), tuple(map(int, counts))
