"""What a forecaster is made of."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import InputError
from ..recurrent import RecurrentSettings, in_range

COLUMNS_FILE = "columns.json"
"""What a run keeps of the columns; its tables tell forecasts from events."""


@dataclass(frozen=True, kw_only=True)
class SeriesSettings(RecurrentSettings):
    """Everything about the series task that a recipe keeps.

    Attributes:
        history: steps that are read before a forecast.
        horizon: steps that are forecast.
        period: steps of a season, after which the naive forecast repeats itself.
        stride: steps from one window to learn from to the next.
        quantiles: forecast the 10 %, 50 % and 90 % quantiles instead of the mean.
        linear: add a linear forecast of the same history, which begins as the repeated last season.
        shift: of events: by up to so many columns they are shifted while learning, as music is transposed.

    Raises:
        InputError: a number is out of range, or there is no such cell.
    """

    hidden: int = 64
    dropout: float = 0.2
    history: int = 96
    horizon: int = 24
    period: int = 24
    stride: int = 1
    quantiles: bool = False
    linear: bool = True
    shift: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range(self, 1, 1_000_000, "horizon", "period", "stride")
        in_range(self, 0, 1_000_000, "shift")
        in_range(self, 1, 1_000_000, "history")
        if self.history < self.period:
            raise InputError(
                f"--history must be at least --period, which is {self.period}, not {self.history}; change one of them"
            )
