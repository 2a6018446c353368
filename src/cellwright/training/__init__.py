"""The runs: recipe, schedule, Lightning's loop, run folder, checkpoints. No task is known here by name."""

from .evaluation import evaluate
from .folder import RunFolder, free_folder
from .recipe import Recipe, TrainingSettings, checked
from .stopping import Stopped
from .train import Report, train

__all__ = [
    "Recipe",
    "Report",
    "RunFolder",
    "Stopped",
    "TrainingSettings",
    "checked",
    "evaluate",
    "free_folder",
    "train",
]
