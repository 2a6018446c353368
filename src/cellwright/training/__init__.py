"""The runs: recipe, schedule, Lightning's loop, run folder, checkpoints. No task is known here by name.

The loop itself is in `train`, which alone needs Lightning.
"""

from ..durable import write_whole
from .evaluation import evaluate
from .folder import RunFolder, free_folder
from .machine import Machine
from .processes import done_by_first, joined
from .recipe import Recipe, TrainingSettings, built
from .stopping import Stopped

__all__ = [
    "Machine",
    "Recipe",
    "RunFolder",
    "Stopped",
    "TrainingSettings",
    "built",
    "done_by_first",
    "evaluate",
    "free_folder",
    "joined",
    "write_whole",
]
