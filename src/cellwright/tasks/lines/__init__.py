"""Lines: the text in images of single lines, printed or written by hand."""

from ..task import Family
from .reading import read_lines
from .settings import LineSettings
from .task import LineReading, LineTask

LINES = Family(
    name="lines",
    about="Train a network that reads images of single lines of text.",
    data="a folder of images, each with its text beside it, as 0001.png and 0001.gt.txt",
    example="pages/",
    settings=LineSettings,
    read=read_lines,
    task=LineTask,
    open=LineReading.open,
    following="predict {run} NEW-LINE.png",
)

__all__ = ["LINES", "LineReading", "LineSettings", "LineTask", "read_lines"]
