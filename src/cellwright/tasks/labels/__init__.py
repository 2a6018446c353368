"""Labels: a class for every text, or for every measured sequence."""

from __future__ import annotations

from ..symbols import has_table
from ..task import Family, Files, Parts
from .problem import LABELS_FILE
from .reading import Example, Window, read_examples
from .settings import LabelSettings
from .texts import TextLabelling, TextLabelTask
from .windows import WindowLabelling, WindowTask


def task(parts: Parts, settings: LabelSettings, files: Files | None = None) -> TextLabelTask | WindowTask:
    """Of measured sequences where there are some, else of texts."""
    return (WindowTask if isinstance(parts.learned[0], Window) else TextLabelTask)(parts, settings, files)


def open_problem(settings: LabelSettings, files: Files) -> TextLabelling | WindowLabelling:
    """The problem of a run."""
    return (WindowLabelling if has_table(files(LABELS_FILE), "columns") else TextLabelling).open(settings, files)


LABELS = Family(
    name="labels",
    about="Train a classifier on your own texts or measured sequences: sentences, names, windows of sensors.",
    data="a CSV or TSV file with a text and its label on each line, or with a step of a measured sequence and its "
    "label, or a folder of files for each class",
    example="reviews.csv",
    settings=LabelSettings,
    read=read_examples,
    task=task,
    open=open_problem,
    following="predict {run} NEW-DATA.csv",
)

__all__ = [
    "LABELS",
    "Example",
    "LabelSettings",
    "TextLabelTask",
    "TextLabelling",
    "Window",
    "WindowLabelling",
    "WindowTask",
    "read_examples",
]
