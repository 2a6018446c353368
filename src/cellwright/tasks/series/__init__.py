"""Series: forecasts of several columns over several steps."""

from ..task import Family
from .reading import Series, read_series
from .settings import SeriesSettings
from .task import Forecasting, SeriesTask

SERIES = Family(
    name="series",
    about="Train a forecaster on your own series, beside naive ones: the last value and the last season again.",
    data="a CSV or TSV file with a date and numbers on each line; numbers may be missing",
    example="load.csv --history 168 --horizon 24",
    settings=SeriesSettings,
    read=read_series,
    begin=SeriesTask.begin,
    resume=SeriesTask.resume,
    open=Forecasting.open,
    following="predict {run} SERIES-UP-TO-NOW.csv",
)

__all__ = ["SERIES", "Forecasting", "Series", "SeriesSettings", "SeriesTask", "read_series"]
