"""The forecaster: each column by itself, with the same weights for all."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..recurrent import Encoder
from .settings import SeriesSettings

CALENDAR = 6
QUANTILES = (0.1, 0.5, 0.9)
COLUMN = 4
"""Numbers in the learned vector of a column."""


class SeriesBatch(NamedTuple):
    """B windows of C columns: H steps that are known, F steps that are forecast.

    Attributes:
        history: scaled, missing values filled with the last known one, `[B, H, C]`.
        missing: where they were missing, `[B, H, C]`, 0 or 1.
        calendar: time of day, of the week and of the year as points on circles, `[B, H, CALENDAR]`.
        targets: scaled, `[B, F, C]`; NaN where one is missing.
    """

    history: Tensor
    missing: Tensor
    calendar: Tensor
    targets: Tensor


class Forecaster(nn.Module):
    """Forecasts relative to the last known value of each column.

    An LSTM reads the history; beside it stands a linear forecast of the same history (Zeng, Chen, Zhang & Xu, 2023),
    which begins as the naive one: the last season again.

    Args:
        columns: how many there are.
        settings: see `SeriesSettings`.
    """

    def __init__(self, columns: int, settings: SeriesSettings) -> None:
        super().__init__()
        self.horizon, self.kinds = settings.horizon, len(QUANTILES) if settings.quantiles else 1
        self.columns = nn.Parameter(torch.randn(columns, COLUMN))
        self.encoder = Encoder(2 + CALENDAR + COLUMN, settings, bidirectional=False)
        self.dropout = nn.Dropout(settings.dropout)
        self.output = nn.Linear(self.encoder.width, self.horizon * self.kinds)
        nn.init.zeros_(self.output.bias)
        nn.init.normal_(self.output.weight, std=0.01)
        self.linear = nn.Linear(settings.history, self.horizon) if settings.linear else None
        if self.linear is not None:
            start = torch.zeros(self.horizon, settings.history)
            ahead = torch.arange(self.horizon)
            start[ahead, settings.history - settings.period + ahead % settings.period] = 1.0
            self.linear.weight.data.copy_(start)
            nn.init.zeros_(self.linear.bias)

    def forward(self, history: Tensor, missing: Tensor, calendar: Tensor) -> Tensor:
        """Forecasts `[B, F, C, kinds]`: means, or quantiles in their order."""
        rows, steps, columns = history.shape
        last = history[:, -1:]
        moved = (history - last).transpose(1, 2)  # [B, C, H]
        parts = [
            moved[..., None],
            missing.transpose(1, 2)[..., None],
            calendar[:, None].expand(-1, columns, -1, -1),
            self.columns[None, :, None].expand(rows, -1, steps, -1),
        ]
        lengths = torch.full((rows * columns,), steps)
        read = self.encoder(torch.cat(parts, -1).flatten(0, 1), lengths)[:, -1]
        found = self.output(self.dropout(read)).view(rows, columns, self.horizon, self.kinds)
        if self.linear is not None:
            found = found + self.linear(moved)[..., None]
        forecasts: Tensor = found.transpose(1, 2) + last[..., None]
        return forecasts
