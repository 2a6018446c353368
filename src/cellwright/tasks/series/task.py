"""The series task: what comes next, of several columns over several steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import DataError
from ..batches import Batches
from ..exhibit import Exhibit, new_figure
from ..symbols import from_json, to_json
from ..task import Carried, Files, Parts, Step
from .metric import Forecast, ForecastMetric
from .model import QUANTILES, Forecaster, SeriesBatch
from .reading import Series
from .settings import SeriesSettings

SCALES_FILE = "columns.json"
TABLES = ("columns", "means", "deviations", "steps")
LEAST = 1e-6
"""A column that varies less is not scaled up."""
DAY = 24 * 60 * 60
YEAR = 365.25
SHOWN, DRAWN = 6, 4


class Forecasting:
    """What a forecaster is for.

    Args:
        columns: their names.
        means: of each, in the data to learn from.
        deviations: of each.
        steps: the mean change over a season, of each.
        settings: see `SeriesSettings`.
    """

    unit = "windows"

    def __init__(
        self, columns: Sequence[str], means: Tensor, deviations: Tensor, steps: Tensor, settings: SeriesSettings
    ) -> None:
        self.columns, self.means, self.deviations, self.steps = tuple(columns), means, deviations, steps
        self.settings = settings

    @staticmethod
    def of_files(settings: SeriesSettings, files: Files) -> Forecasting:
        """The problem of a run."""
        return Forecasting(*tables(files), settings)

    @property
    def files(self) -> Mapping[str, bytes]:
        """The columns, and how they are scaled."""
        found = (self.columns, self.means.tolist(), self.deviations.tolist(), self.steps.tolist())
        return {SCALES_FILE: to_json(dict(zip(TABLES, found, strict=True)))}

    def network(self) -> Forecaster:
        """A new forecaster."""
        return Forecaster(len(self.columns), self.settings)

    def windows(self, series: Series, stride: int, order: Sequence[int] | None = None) -> Batches:
        """All windows of a series, or those of an order, as batches."""
        length = self.settings.history + self.settings.horizon
        count = (len(series.values) - length) // stride + 1
        if count < 1:
            raise DataError(
                f"a series must have at least {length} steps, for a history of {self.settings.history} and a horizon "
                f"of {self.settings.horizon}, but {series.name!r} has {len(series.values)}; bring more, or shorten them"
            )
        prepared, size = self.prepared(series), self.settings.batch
        order = range(count) if order is None else order
        groups = [[stride * n for n in order[k : k + size]] for k in range(0, len(order), size)]
        return Batches(groups, lambda group: self.batch(prepared, group))

    def prepared(self, series: Series) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Scaled values with their gaps filled, the gaps, the calendar, and the scaled values as they are."""
        if series.columns != self.columns:
            raise DataError(
                f"the columns must be those that were learned, {', '.join(self.columns)}, but {series.name!r} has "
                f"{', '.join(series.columns)}; name and order them alike"
            )
        scaled = ((series.values - self.means) / self.deviations).float()
        return filled(scaled), scaled.isnan().float(), calendar(series.dates), scaled

    def batch(self, prepared: tuple[Tensor, Tensor, Tensor, Tensor], group: Sequence[int]) -> SeriesBatch:
        """The windows that begin at some steps."""
        values, gaps, days, true = prepared
        history, horizon = self.settings.history, self.settings.horizon
        known = torch.tensor(list(group))[:, None] + torch.arange(history)
        ahead = known[:, -1:] + 1 + torch.arange(horizon)
        return SeriesBatch(values[known], gaps[known], days[known], true[ahead])

    def batches(self, data: Series) -> Batches:
        """All windows of a series."""
        return self.windows(data, stride=1)

    def step(self, network: nn.Module, batch: SeriesBatch, carried: Carried) -> Step:
        """The mean square of the error; or the quantile loss (Koenker & Bassett, 1978)."""
        found = network(batch.history, batch.missing, batch.calendar)
        known = ~batch.targets.isnan()
        error = batch.targets.nan_to_num()[..., None] - found
        if self.settings.quantiles:
            levels = torch.tensor(QUANTILES, device=error.device)
            losses = torch.maximum(levels * error, (levels - 1) * error).mean(-1)
        else:
            losses = error[..., 0].square()
        loss = (losses * known).sum() / known.sum().clamp(min=1)
        return Step(loss, len(found), found=None if network.training else self.compared(batch, found))

    def compared(self, batch: SeriesBatch, found: Tensor) -> Forecast:
        """The forecast beside the naive ones."""
        period, horizon = self.settings.period, self.settings.horizon
        season = batch.history[:, -period:][:, torch.arange(horizon) % period]
        naive = batch.history[:, -1:].expand_as(season)
        point = found.detach()[..., found.shape[-1] // 2]
        return Forecast(
            point, naive, season, batch.targets, self.deviations.float(), self.means.float(), self.steps.float()
        )

    def metric(self) -> ForecastMetric:
        """Errors of the forecast and of the naive ones."""
        return ForecastMetric()

    @torch.no_grad()
    def predict(self, network: nn.Module, data: Series) -> Iterator[str]:
        """What comes after the end of a series: a line for each step, as the series itself has it."""
        history = self.settings.history
        if len(data.values) < history:
            raise DataError(
                f"a forecast needs {history} steps before it, but {data.name!r} has {len(data.values)}; bring more"
            )
        values, gaps, days, _ = (each[None, -history:] for each in self.prepared(data))
        found = network(values, gaps, days)[0].double() * self.deviations[:, None] + self.means[:, None]
        levels = [f" {round(100 * level)} %" for level in QUANTILES] if self.settings.quantiles else [""]
        yield ",".join(["date", *(f"{name}{level}" for name in self.columns for level in levels)]) + "\n"
        step = (data.dates[-1] - data.dates[0]) / max(1, len(data.dates) - 1)
        for n, row in enumerate(found.flatten(1).tolist(), 1):
            date = (data.dates[-1] + n * step).isoformat(" ", "seconds")
            yield ",".join([date, *(f"{value:.6g}" for value in row)]) + "\n"


class SeriesTask(Forecasting):
    """A series to learn from.

    Args:
        parts: where none is given to watch, the end of the first is kept for it.
        settings: see `SeriesSettings`.
        files: those of an earlier run; None makes new ones from the part to learn from.
    """

    def __init__(self, parts: Parts, settings: SeriesSettings, files: Files | None = None) -> None:
        learned, watched = (parts.learned, parts.validation) if parts.validation else split(parts.learned, settings)
        super().__init__(*(measured(learned, settings) if files is None else tables(files)), settings)
        self.series = learned
        self.learned = self.windows(learned, settings.stride)
        self.watched = self.batches(watched)
        self.tested = self.watched if parts.test is None else self.batches(parts.test)

    @property
    def summary(self) -> str:
        """How many steps, columns and windows there are."""
        windows = sum(len(group) for group in self.tested.groups)
        return (
            f"{len(self.series.values):,} steps of {len(self.columns)} columns, {self.settings.history} steps back and "
            f"{self.settings.horizon} ahead, measuring on {windows:,} windows"
        )

    advice: Mapping[str, Any] = {"learning_rate": 1e-3, "epochs": 6, "patience": 0.5}

    def training(self, epoch: int) -> Batches:
        """All windows, in another order."""
        starts = [start // self.settings.stride for group in self.learned.groups for start in group]
        order = torch.randperm(len(starts), generator=torch.Generator().manual_seed(epoch)).tolist()
        size = self.settings.batch
        groups = [[self.settings.stride * n for n in order[k : k + size]] for k in range(0, len(order), size)]
        return Batches(groups, self.learned.made)

    def validation(self) -> Batches:
        """The windows to watch."""
        return self.watched

    def final(self) -> Batches:
        """The windows of the final figures."""
        return self.tested

    @torch.no_grad()
    def sample(self, network: nn.Module) -> str:
        """The first steps of one forecast, as they came and as they were forecast."""
        batch = self.watched[0]
        found = network(batch.history[:1], batch.missing[:1], batch.calendar[:1])[0, :SHOWN]
        point = found[..., found.shape[-1] // 2]
        lines = []
        for name, n in zip(self.columns[:3], range(3), strict=False):
            true, guess = (
                "  ".join(f"{float(value * self.deviations[n] + self.means[n]):.4g}" for value in values[:SHOWN, n])
                for values in (batch.targets[0], point)
            )
            lines.append(f"{name}: came {true}\n{' ' * len(name)}  said {guess}")
        return "\n".join(lines)

    @torch.no_grad()
    def exhibits(self, network: nn.Module, metric: ForecastMetric) -> Iterator[Exhibit]:
        """One forecast of some columns, in the middle of what is measured on."""
        history, missing, days, targets = (each[:1] for each in self.tested[len(self.tested) // 2])
        found = network(history, missing, days)[0]
        shown = min(len(self.columns), DRAWN)
        figure = new_figure(9, 1.8 * shown)
        before, after = torch.arange(-history.shape[1], 0) + 1, torch.arange(len(found)) + 1
        for n, axes in enumerate(figure.subplots(shown, 1, squeeze=False, sharex=True)[:, 0]):
            past, true, guess = (
                values.double() * self.deviations[n] + self.means[n]
                for values in (
                    history[0, :, n].masked_fill(missing[0, :, n] > 0, torch.nan),
                    targets[0, :, n],
                    found[:, n],
                )
            )
            axes.plot(before, past, color="grey", label="known")
            axes.plot(after, true, color="black", label="came")
            axes.plot(after, guess[:, guess.shape[1] // 2], color="C0", label="forecast")
            if self.settings.quantiles:
                share = f"{QUANTILES[0]:.0%} to {QUANTILES[-1]:.0%}"
                axes.fill_between(after, guess[:, 0], guess[:, -1], color="C0", alpha=0.25, label=share)
            axes.set_ylabel(self.columns[n], fontsize=8, parse_math=False)
        axes.set_xlabel("steps after the last that is known")
        figure.axes[0].legend(fontsize=7, ncols=4)
        yield Exhibit("A forecast", "One window of those that are measured on.", figure=figure)


def split(series: Series, settings: SeriesSettings) -> tuple[Series, Series]:
    """The beginning to learn from, and the end to watch, which begins with the history of its first forecast."""
    cut = len(series.values) - round(len(series.values) * settings.validation)
    back = max(0, cut - settings.history)
    return (
        Series(series.name, series.columns, series.dates[:cut], series.values[:cut]),
        Series(series.name, series.columns, series.dates[back:], series.values[back:]),
    )


def measured(series: Series, settings: SeriesSettings) -> tuple[Sequence[str], Tensor, Tensor, Tensor]:
    """Columns, means, deviations and mean changes over a season of a series to learn from."""
    values, period = series.values, settings.period
    means = values.nanmean(0)
    deviations = (values - means).square().nanmean(0).sqrt()
    changes = (values[period:] - values[:-period]).abs().nanmean(0)
    return series.columns, means, deviations.clamp(min=LEAST), changes.nan_to_num(1.0).clamp(min=LEAST)


def tables(files: Files) -> tuple[Sequence[str], Tensor, Tensor, Tensor]:
    """The same, out of the files of a run."""
    columns, *numbers = from_json(files(SCALES_FILE), TABLES)
    means, deviations, steps = (torch.tensor([float(each) for each in row], dtype=torch.float64) for row in numbers)
    return columns, means, deviations, steps


def filled(values: Tensor) -> Tensor:
    """Values `[T, C]` with the last known one in the place of a missing one; zero before the first.

    >>> filled(torch.tensor([[math.nan], [2.0], [math.nan]])).tolist()
    [[0.0], [2.0], [2.0]]
    """
    steps = torch.arange(len(values))[:, None].expand_as(values)
    last = torch.where(values.isnan(), -1, steps).cummax(0).values
    return torch.where(last < 0, 0.0, values.gather(0, last.clamp(min=0)))


def calendar(dates: Sequence[datetime]) -> Tensor:
    """Time of day, of the week and of the year as points on circles, `[T, 6]`."""
    found = []
    for date in dates:
        day = (date.hour * 3600 + date.minute * 60 + date.second) / DAY
        shares = (day, (date.weekday() + day) / 7, (date.timetuple().tm_yday - 1 + day) / YEAR)
        found.append([wave(2 * math.pi * share) for share in shares for wave in (math.sin, math.cos)])
    return torch.tensor(found)
