"""How far forecasts are from what came, beside the naive ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..task import Step


@dataclass(frozen=True)
class Forecast:
    """Forecasts and what came, `[B, F, C]` each; NaN where nothing is known.

    Attributes:
        found: by the network, scaled.
        naive: the last value again, scaled.
        seasonal: the last season again, scaled.
        true: scaled.
        deviations: what a scaled one is worth, of each column.
        means: what a scaled zero is, of each column.
        steps: the mean change over a season in the data that were learned from, of each column, unscaled.
    """

    found: Tensor
    naive: Tensor
    seasonal: Tensor
    true: Tensor
    deviations: Tensor
    means: Tensor
    steps: Tensor


class ForecastMetric:
    """Mean errors over all columns, steps and windows; MSE and MAE of scaled, sMAPE and MASE of unscaled numbers.

    sMAPE is the mean of 2 |y - p| / (|y| + |p|), with 0 for 0 / 0 (Makridakis, 1993); MASE divides the errors of each
    column by its mean change over a season in the data to learn from (Hyndman & Koehler, 2006).
    """

    def __init__(self) -> None:
        self.sums = dict.fromkeys(("mse", "mae", "smape", "mase", "naive_mse", "seasonal_mse"), 0.0)
        self.count = 0

    def update(self, step: Step) -> None:
        """Count a batch."""
        each: Forecast = step.found
        known = ~each.true.isnan()
        self.count += int(known.sum())
        error = each.found - each.true
        true, found = (scaled * each.deviations + each.means for scaled in (each.true, each.found))
        size = true.abs() + found.abs()
        relative = torch.where(size > 0, 2 * (true - found).abs() / size, 0.0)
        measured = {
            "mse": error.square(),
            "mae": error.abs(),
            "smape": relative,
            "mase": (true - found).abs() / each.steps,
            "naive_mse": (each.naive - each.true).square(),
            "seasonal_mse": (each.seasonal - each.true).square(),
        }
        for name, values in measured.items():
            self.sums[name] += float(values[known].sum())

    def compute(self) -> dict[str, float]:
        """The figures; the loss is the mean square of the error."""
        if not self.count:
            return {"mse": math.nan, "loss": math.nan}
        means = {name: total / self.count for name, total in self.sums.items()}
        return {**means, "loss": means["mse"]}
