"""The problems: for each its data, network, loss, figures and decoding. No task knows the trainer."""

from .task import Batch, Carried, Metric, Step, Task

__all__ = ["Batch", "Carried", "Metric", "Step", "Task"]
