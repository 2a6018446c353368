"""Labels: a class for every text."""

from ..task import Family
from .reading import Example, read_examples
from .settings import LabelSettings
from .task import Labelling, LabelTask

LABELS = Family(
    name="labels",
    about="Train a classifier on your own texts: sentences, names, messages.",
    data="a CSV or TSV file with a text and its label on each line, or a folder of texts for each class",
    example="reviews.csv",
    settings=LabelSettings,
    read=read_examples,
    task=LabelTask,
    open=Labelling.open,
    following="predict {run} NEW-TEXTS.csv",
)

__all__ = ["LABELS", "Example", "LabelSettings", "LabelTask", "Labelling", "read_examples"]
