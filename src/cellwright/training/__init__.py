"""The runs: recipe, schedule, Lightning's loop, run folder, checkpoints. No task is known here by name.

The loop itself is in `train`, which alone needs Lightning.
"""

from .durable import write_whole
from .evaluation import evaluate
from .folder import RunFolder, free_folder
from .recipe import Recipe, TrainingSettings, checked
from .stopping import Stopped

__all__ = [
    "Recipe",
    "RunFolder",
    "Stopped",
    "TrainingSettings",
    "checked",
    "evaluate",
    "free_folder",
    "write_whole",
]
