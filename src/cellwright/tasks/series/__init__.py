"""Series: forecasts of several columns over several steps, and which events come next."""

from ..symbols import has_table
from ..task import Family, Files, Parts
from .events import Events, EventTask
from .reading import Piece, Series, read_series
from .settings import COLUMNS_FILE, SeriesSettings
from .task import Forecasting, SeriesTask


def task(parts: Parts, settings: SeriesSettings, files: Files | None = None) -> SeriesTask | EventTask:
    """Forecasts of a series, or the next events of sequences, as the data have it."""
    return (SeriesTask if isinstance(parts.learned, Series) else EventTask)(parts, settings, files)


def open_problem(settings: SeriesSettings, files: Files) -> Forecasting | Events:
    """The problem of a run."""
    kind = Forecasting if has_table(files(COLUMNS_FILE), "means") else Events
    return kind.of_files(settings, files)


SERIES = Family(
    name="series",
    about="Train a forecaster on your own series, beside naive ones: the last value and the last season again.",
    data="a CSV or TSV file with a date and numbers on each line, or with the name of a sequence and events, 0 or 1",
    example="load.csv --history 168 --horizon 24",
    settings=SeriesSettings,
    read=read_series,
    task=task,
    open=open_problem,
    following="predict {run} SERIES-UP-TO-NOW.csv",
)

__all__ = [
    "SERIES",
    "EventTask",
    "Events",
    "Forecasting",
    "Piece",
    "Series",
    "SeriesSettings",
    "SeriesTask",
    "read_series",
]
