"""Memory: what came long ago decides what is right now."""

from ..task import Family
from .drawn import PROBLEMS, MemoryBatch
from .settings import MemorySettings
from .task import MemoryTask, Remembering, exhibit, read_problem

MEMORY = Family(
    name="memory",
    about="Try how long a network remembers: on sequences that are made for it, or on images read piece by piece.",
    data=f"the name of a problem ({', '.join(PROBLEMS)}), or a folder with the files of MNIST",
    example="adding --steps 200 --cell rnn",
    settings=MemorySettings,
    read=read_problem,
    task=MemoryTask,
    open=Remembering.open,
    following="evaluate {run} {data}",
    exhibit=exhibit,
)

__all__ = ["MEMORY", "PROBLEMS", "MemoryBatch", "MemorySettings", "MemoryTask", "Remembering", "read_problem"]
