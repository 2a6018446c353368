"""The problems: for each its data, network, loss, figures and decoding. No task knows the trainer."""

from .exhibit import Exhibit
from .frames import FRAMES
from .labels import LABELS
from .lines import LINES
from .memory import MEMORY
from .series import SERIES
from .speech import SPEECH
from .tags import TAGS
from .task import Batch, Carried, Divisible, Family, Files, Metric, Parts, Problem, Step, Task, with_each
from .text import TEXT

families = {family.name: family for family in (TEXT, TAGS, LABELS, FRAMES, SERIES, SPEECH, LINES, MEMORY)}
"""The kinds of tasks, by name."""

__all__ = [
    "Batch",
    "Carried",
    "Divisible",
    "Exhibit",
    "Family",
    "Files",
    "Metric",
    "Parts",
    "Problem",
    "Step",
    "Task",
    "families",
    "with_each",
]
