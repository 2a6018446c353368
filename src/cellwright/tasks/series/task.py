"""The series task: what comes next, of several columns over several steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import DataError
from ..batches import Batches
from ..exhibit import Exhibit, new_figure, plain
from ..measurements import tell_constant, varying
from ..symbols import from_json, to_json
from ..tables import table_line, unlike
from ..task import Beside, Carried, Files, Parts, Step
from .dates import following
from .metric import Forecast, ForecastMetric, quantile_loss
from .model import QUANTILES, Forecaster, SeriesBatch
from .reading import MICROSECOND, Piece, Series
from .settings import COLUMNS_FILE, SeriesSettings

TABLES = ("columns", "means", "deviations", "steps")
LEAST = 1e-6
"""The least mean change over a season that errors are divided by, as a share of a deviation."""
LOOKED_AT = 24
"""Dates by which those of a forecast go."""
MOST = 1_000_000
"""Windows of an epoch."""
PIECE = 1 << 20
"""Steps that are added up at once."""
THURSDAY, YEAR = 3, 365.25
"""The first day of 1970, and how many days a year has."""
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
        return {COLUMNS_FILE: to_json(dict(zip(TABLES, found, strict=True)))}

    @property
    def scored(self) -> Sequence[str]:
        """Nothing: a forecast is of a whole history."""
        return ()

    def network(self) -> Forecaster:
        """A new forecaster."""
        return Forecaster(len(self.columns), self.settings)

    def windows(self, series: Series) -> int:
        """How many windows a series has.

        Raises:
            DataError: none, or it has other columns.
        """
        self.check(series)
        length = self.settings.history + self.settings.horizon
        if len(series.times) < length:
            raise DataError(
                f"a series must have at least {length} steps, for a history of {self.settings.history} and a horizon "
                f"of {self.settings.horizon}, but {series.name!r} has {len(series.times)}; bring more, shorten "
                "them, or name what is to be watched: --valid"
            )
        return len(series.times) - length + 1

    def check(self, series: Series | Sequence[Piece]) -> None:
        """It is a series, with the columns that were learned."""
        if not isinstance(series, Series):
            raise DataError("there must be a series with dates, as learned, but there are sequences of events")
        other = unlike(series.columns, self.columns)
        if other is not None:
            raise DataError(f"{series.name!r} {other}; name and order them alike")

    def grouped(self, series: Series, starts: Tensor) -> Batches:
        """The windows that begin at some steps, as batches."""
        groups = [each.tolist() for each in starts.split(self.settings.batch)]
        return Batches(groups, lambda group: self.batch(series, group))

    def scaled(self, values: Tensor) -> Tensor:
        """Values of about the same size in all columns, float32."""
        return ((values - self.means) / self.deviations).float()

    def history(self, series: Series, steps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scaled values without gaps, where the gaps were, and the calendar, at some steps `[..., T]`."""
        values = self.scaled(series.filled[steps]).nan_to_num()
        return values, series.values[steps].isnan().float(), calendar(series.times[steps])

    def batch(self, series: Series, group: Sequence[int]) -> SeriesBatch:
        """The windows that begin at some steps."""
        known = torch.tensor(list(group))[:, None] + torch.arange(self.settings.history)
        ahead = known[:, -1:] + 1 + torch.arange(self.settings.horizon)
        return SeriesBatch(*self.history(series, known), self.scaled(series.values[ahead]))

    def batches(self, data: Series) -> Batches:
        """All windows of a series; of very many some, spread evenly."""
        count = self.windows(data)
        return self.grouped(data, torch.arange(0, count, -(-count // MOST)))

    def step(self, network: nn.Module, batch: SeriesBatch, carried: Carried) -> Step:
        """The mean square of the error; or the quantile loss."""
        found = network(batch.history, batch.missing, batch.calendar)
        known = ~batch.targets.isnan()
        targets = batch.targets.nan_to_num()
        losses = quantile_loss(targets, found) if self.settings.quantiles else (targets - found[..., 0]).square()
        loss = (losses * known).sum() / known.sum().clamp(min=1)
        return Step(loss, len(found), found=None if network.training else self.compared(batch, found))

    def compared(self, batch: SeriesBatch, found: Tensor) -> Forecast:
        """The forecast beside the naive ones."""
        period, horizon = self.settings.period, self.settings.horizon
        season = batch.history[:, -period:][:, torch.arange(horizon) % period]
        naive = batch.history[:, -1:].expand_as(season)
        found = found.detach()
        point, quantiles = found[..., found.shape[-1] // 2], found if self.settings.quantiles else None
        scales = (each.float().to(point.device) for each in (self.deviations, self.means, self.steps))
        return Forecast(point, quantiles, naive, season, batch.targets, *scales)

    def metric(self) -> ForecastMetric:
        """Errors of the forecast and of the naive ones."""
        return ForecastMetric()

    @torch.no_grad()
    def beside(self, network: nn.Module, data: Series) -> Iterator[Beside]:
        """The histories of forecasts, one behind the other: date and values of each step."""
        history = self.settings.history
        self.check(data)
        for first in range(0, len(data.times) - history + 1, history):
            steps = torch.arange(first, first + history)
            network(*(each[None] for each in self.history(data, steps)))
            dates = [date.isoformat(" ", "minutes") for date in data.dates(slice(first, first + history))]
            yield {"date": (dates, ()), "values": (data.values[steps].numpy(), self.columns)}

    @torch.no_grad()
    def predict(self, network: nn.Module, data: Series) -> Iterator[str]:
        """What comes after the end of a series: a line for each step, as the series itself has it."""
        history = self.settings.history
        self.check(data)
        if len(data.times) < history:
            raise DataError(
                f"a forecast needs {history} steps before it, but {data.name!r} has {len(data.times)}; bring more"
            )
        found = (
            network(*self.history(data, torch.arange(len(data.times))[None, -history:]))[0].double()
            * self.deviations[:, None]
            + self.means[:, None]
        )
        levels = [f" {round(100 * level)} %" for level in QUANTILES] if self.settings.quantiles else [""]
        yield table_line(["date", *(f"{name}{level}" for name in self.columns for level in levels)])
        dates = following(data.dates(slice(-LOOKED_AT, None)), data.spacing * MICROSECOND)
        for date, row in zip(dates, found.flatten(1).tolist(), strict=False):
            yield table_line([date.isoformat(" ", "seconds"), *(f"{value:.6g}" for value in row)])


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
        self.learned = learned
        self.count = self.windows(learned)
        self.watched = self.batches(watched)
        self.tested = self.watched if parts.test is None else self.batches(parts.test)

    @property
    def summary(self) -> str:
        """How many steps, columns and windows there are."""
        windows = sum(len(group) for group in self.tested.groups)
        return (
            f"{len(self.learned.times):,} steps of {len(self.columns)} columns, {self.settings.history} steps back and "
            f"{self.settings.horizon} ahead, measuring on {windows:,} windows"
        )

    advice: Mapping[str, Any] = {"learning_rate": 1e-3, "epochs": 6, "patience": 0.5}

    def training(self, epoch: int) -> Batches:
        """All windows at the stride in another order; or as many as can be held in mind, drawn anew in each epoch."""
        chance = torch.Generator().manual_seed(epoch)
        count = -(-self.count // self.settings.stride)
        order = (
            torch.randperm(count, generator=chance)
            if count <= MOST
            else torch.randint(count, (MOST,), generator=chance)
        )
        return self.grouped(self.learned, self.settings.stride * order)

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
            deviation, mean = float(self.deviations[n]), float(self.means[n])
            true, guess = (
                "  ".join(rounded(value * deviation + mean, deviation) for value in values[:SHOWN, n].tolist())
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
            axes.set_ylabel(plain(self.columns[n]), fontsize=8)
        axes.set_xlabel("steps after the last that is known")
        figure.axes[0].legend(fontsize=7, ncols=4)
        yield Exhibit("A forecast", "One window of those that are measured on.", figure=figure)


def split(series: Series, settings: SeriesSettings) -> tuple[Series, Series]:
    """The beginning to learn from, and the end to watch, which begins with the history of its first forecast."""
    count = len(series.times)
    cut = count - round(count * settings.validation)
    return series.part(0, cut), series.part(max(0, cut - settings.history), count)


def measured(series: Series, settings: SeriesSettings) -> tuple[Sequence[str], Tensor, Tensor, Tensor]:
    """Columns, means, deviations and mean changes over a season of a series to learn from."""
    values, period = series.values, settings.period
    means = mean([values], lambda each: each)
    deviations = mean([values], lambda each: (each - means).square()).sqrt()
    changes = mean([values[period:], values[:-period]], lambda later, sooner: (later - sooner).abs())
    tell_constant(series.columns, means, deviations)
    varies = varying(means, deviations)
    deviations = torch.where(varies, deviations, 1.0)
    changes = torch.where(varies, changes.nan_to_num(1.0), 1.0)
    return series.columns, means, deviations, torch.maximum(changes, LEAST * deviations)


def mean(tables: Sequence[Tensor], of: Callable[..., Tensor]) -> Tensor:
    """The mean over all steps of what some tables `[T, columns]` give together, piece by piece; NaN is left out.

    >>> mean([torch.tensor([[1.0], [math.nan], [2.0]])], torch.square)
    tensor([2.5000], dtype=torch.float64)
    """
    total, count = torch.zeros(2, tables[0].shape[1], dtype=torch.float64)
    for pieces in zip(*(each.split(PIECE) for each in tables), strict=True):
        found = of(*pieces)
        total, count = total + found.nansum(0), count + (~found.isnan()).sum(0)
    result: Tensor = total / count
    return result


def tables(files: Files) -> tuple[Sequence[str], Tensor, Tensor, Tensor]:
    """The same, out of the files of a run."""
    columns, *numbers = from_json(files(COLUMNS_FILE), TABLES)
    means, deviations, steps = (torch.tensor([float(each) for each in row], dtype=torch.float64) for row in numbers)
    return columns, means, deviations, steps


def rounded(value: float, deviation: float) -> str:
    """A number with as many places as tell three digits of a deviation.

    >>> rounded(3.4e-8, 1.5), rounded(101325.1234, 0.01), rounded(2.3456e-9, 1e-10)
    ('0', '101325.1234', '2.346e-09')
    """
    return f"{round(value, 2 - math.floor(math.log10(deviation))):.15g}"


def calendar(times: Tensor) -> Tensor:
    """Time of day, of the week and of the year as points on circles, `[..., 6]`, of microseconds since 1970.

    >>> [round(value, 3) for value in calendar(torch.tensor(6 * 3600 * 1_000_000)).tolist()]  # 6 on a Thursday
    [1.0, 0.0, 0.223, -0.975, 0.004, 1.0]
    """
    moments = times.numpy().astype("datetime64[us]")
    days = moments.astype("datetime64[D]")
    day = (moments - days) / np.timedelta64(1, "D")
    weekday = (days.astype(np.int64) + THURSDAY) % 7
    of_year = (days - moments.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    angles = 2 * math.pi * np.stack([day, (weekday + day) / 7, (of_year + day) / YEAR], -1)
    points = np.stack([np.sin(angles), np.cos(angles)], -1).astype(np.float32)
    return torch.from_numpy(points.reshape(*times.shape, -1))
