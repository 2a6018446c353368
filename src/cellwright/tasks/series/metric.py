"""How far forecasts are from what came, beside the naive ones."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import torch
from torch import Tensor

from ..task import Step
from .model import QUANTILES


@dataclass(frozen=True)
class Forecast:
    """Forecasts and what came, `[B, F, C]` each; NaN where nothing is known.

    Attributes:
        found: by the network, scaled.
        quantiles: the same at each of the quantiles, `[B, F, C, quantiles]`, or None if they are not forecast.
        naive: the last value again, scaled.
        seasonal: the last season again, scaled.
        true: scaled.
        deviations: what a scaled one is worth, of each column.
        means: what a scaled zero is, of each column.
        steps: the mean change over a season in the data that were learned from, of each column, unscaled.
    """

    found: Tensor
    quantiles: Tensor | None
    naive: Tensor
    seasonal: Tensor
    true: Tensor
    deviations: Tensor
    means: Tensor
    steps: Tensor


class ForecastMetric:
    """Mean errors over all columns, steps and windows, of the forecast and, beside each, of the two naive ones.

    MSE and MAE are of scaled numbers, sMAPE and MASE of unscaled ones. sMAPE is the mean of 2 |y - p| / (|y| + |p|),
    with 0 for 0 / 0 (Makridakis, 1993); MASE divides the errors of each column by its mean change over a season in the
    data to learn from (Hyndman & Koehler, 2006). Of quantiles there are their loss, and the share of what came that
    lies between the outer ones (`covered`; 0.8 is right for those of 10 % and 90 %).
    """

    def __init__(self) -> None:
        self.sums: defaultdict[str, float] = defaultdict(float)
        self.count = 0

    def update(self, step: Step) -> None:
        """Count a batch."""
        each: Forecast = step.found
        known = ~each.true.isnan()
        self.count += int(known.sum())
        ours, naive, seasonal = (errors_of(forecast, each) for forecast in (each.found, each.naive, each.seasonal))
        for name in ours:
            for whose, errors in (("", ours), ("naive_", naive), ("seasonal_", seasonal)):
                self.sums[f"{whose}{name}"] += float(errors[name][known].sum())
        if each.quantiles is not None:
            inside = (each.true >= each.quantiles[..., 0]) & (each.true <= each.quantiles[..., -1])
            self.sums["quantile_loss"] += float(quantile_loss(each.true, each.quantiles)[known].sum())
            self.sums["covered"] += float(inside[known].sum())

    def compute(self) -> dict[str, float]:
        """The figures; the first, and the loss, is what is made small: the quantile loss, or the MSE."""
        means = {name: total / self.count for name, total in self.sums.items()}
        aim = "quantile_loss" if "quantile_loss" in means else "mse"
        loss = means.get(aim, math.nan)
        return {aim: loss, **means, "loss": loss}


def errors_of(forecast: Tensor, beside: Forecast) -> dict[str, Tensor]:
    """The errors of a scaled forecast by each measure, `[B, F, C]`."""
    error = forecast - beside.true
    apart = error.abs() * beside.deviations
    true, found = (scaled * beside.deviations + beside.means for scaled in (beside.true, forecast))
    size = true.abs() + found.abs()
    return {
        "mse": error.square(),
        "mae": error.abs(),
        "smape": torch.where(size > 0, 2 * apart / size, 0.0),
        "mase": apart / beside.steps,
    }


def quantile_loss(true: Tensor, found: Tensor) -> Tensor:
    """The quantile loss, in the mean over the quantiles, `[...]` (Koenker & Bassett, 1978).

    Args:
        true: `[...]`.
        found: `[..., quantiles]`.

    >>> round(float(quantile_loss(torch.tensor(1.0), torch.tensor([0.0, 1.0, 3.0]))), 3)
    0.1
    """
    levels, error = torch.tensor(QUANTILES, device=found.device), true[..., None] - found
    return torch.maximum(levels * error, (levels - 1) * error).mean(-1)
