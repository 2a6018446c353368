"""Series: reading, gaps, windows, naive forecasts and figures by hand."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import math
import tracemalloc
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import torch

from cellwright.errors import DataError, DataWarning
from cellwright.tasks import Parts, files, numbers
from cellwright.tasks.series import Piece, Series, SeriesSettings, SeriesTask, read_series, reading
from cellwright.tasks.series.metric import Forecast, ForecastMetric
from cellwright.tasks.series.reading import MICROSECOND, START
from cellwright.tasks.task import Step

SERIES_TASK = importlib.import_module("cellwright.tasks.series.task")
SMALL = SeriesSettings(hidden=4, history=12, horizon=6, period=4, batch=5, validation=0.3)


def series(steps: int = 90, columns: int = 2) -> Series:
    hours = torch.arange(float(steps), dtype=torch.float64)
    values = torch.stack([torch.sin(hours * math.pi / 2) * (n + 1) + 10 * n for n in range(columns)], 1)
    times = (datetime(2024, 1, 1) - START) // MICROSECOND + 3_600_000_000 * torch.arange(steps)
    return Series("made", tuple("abcdef"[:columns]), times, values, values, 3_600_000_000)


def test_dates_and_missing_numbers_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text(
        "date\tload\theat\n2024-02-29T00:00+02:00\t1\tNA\n2024-03-01T12:30:00+01:00\t\t2.5\n"
    )
    found = read_series(tmp_path / "a.tsv")
    assert found.columns == ("load", "heat")
    assert START + int(found.times[1]) * MICROSECOND == datetime(2024, 3, 1, 13, 30)
    assert found.values.isnan().tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "must name a date and at least one number"),
        ("date\n2024-01-01\n", "must name a date and at least one number"),
        ("date,x\n", "holds no steps"),
        ("date,x\nyesterday,1\n", "a fault: line 2: 'yesterday' is no date"),
        ("date,x\n2024-01-02,1\n2024-01-01,1\n", "line 3: 2024-01-01 comes after 2024-01-02"),
        ("date,x\n2024-01-02,1\n2024-01-02,1\n", "line 3: 2024-01-02 comes after 2024-01-02"),
        (
            "date,x\n2024-01-01,1,2\n2024-01-02,one\n",
            "2 faults: line 2: 3 columns, not 2; line 3: 'one' in",
        ),
        ("date,x,y\n2024-01-01,1,\n", "y has none; leave it out"),
        ("date,x\n2024-01-01,inf\n", "'inf' in the column x"),
        ("2024-01-01,1.5\n2024-01-02,2.5\n", "must name the columns, but has a date"),
        ("date,x,x\n2024-01-01,1,2\n", "'x' is there twice"),
        ("date,x,\n2024-01-01,1,2\n", "one has none; name it"),
        ('date,x\n2024-01-01,"1\n2024-01-02,2\n', "opens a quote in line 2 that is never closed"),
        ("date,x\n2024-01-01,1\n2024-01-02T00:00+01:00,1\n", "line 3: 2024-01-02T00:00.01:00 has a zone, unlike"),
        ("date,x\n" + "y" * 500 + ",1\n", "line 2: 'y{60}...' is no date"),
    ],
)
def test_what_is_no_series_is_told_line_by_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "bad.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        read_series(tmp_path / "bad.csv")


def test_a_window_is_what_came_before_and_what_came_after() -> None:
    whole = series()
    task = SeriesTask(Parts(whole), SMALL)
    cut = 90 - 27
    assert sum(len(batch.history) for batch in task.training(0)) == cut - 17
    assert sum(len(batch.history) for batch in task.validation()) == 27 - 5
    batch = task.validation()[1]
    scaled = (whole.values - task.means) / task.deviations
    first = cut - 12 + 5
    assert torch.allclose(batch.history[0], scaled[first : first + 12].float())
    assert torch.allclose(batch.targets[0], scaled[first + 12 : first + 18].float())
    orders = [torch.cat([batch.history for batch in task.training(epoch)]) for epoch in (0, 0, 1)]
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])


def test_a_new_network_with_a_linear_part_repeats_the_season() -> None:
    task = SeriesTask(Parts(series()), SMALL)
    metric, network = task.metric(), task.network().eval()
    torch.nn.init.zeros_(network.output.weight)
    for batch in task.final():
        metric.update(task.step(network, batch, None))
    figures = metric.compute()
    assert figures["mse"] == pytest.approx(figures["seasonal_mse"], abs=1e-10)
    assert figures["naive_mse"] > 0.5


def test_gaps_are_filled_told_and_not_counted() -> None:
    whole = series()
    values = whole.values.clone()
    values[70:74, 0] = math.nan
    values[85, 1] = math.nan
    filled = values.clone()
    filled[70:74, 0], filled[85, 1] = values[69, 0], values[84, 1]
    task = SeriesTask(Parts(dataclasses.replace(whole, values=values, filled=filled)), SMALL)
    metric, network = task.metric(), task.network().eval()
    for batch in task.final():
        step = task.step(network, batch, None)
        assert math.isfinite(step.loss.item())
        assert bool(batch.history.isfinite().all())
        metric.update(step)
    assert sum(float(batch.missing.sum()) for batch in task.final()) > 0
    assert metric.count < sum(batch.targets.numel() for batch in task.final())
    assert all(map(math.isfinite, metric.compute().values()))


def test_figures_by_hand() -> None:
    def row(*values: float) -> torch.Tensor:
        return torch.tensor(values)[None, :, None]

    metric = ForecastMetric()
    scales = (torch.tensor([2.0]), torch.tensor([1.0]), torch.tensor([0.5]))
    quantiles = torch.stack([row(0, 2, 8), row(1, 2, 9), row(2, 3, 9)], -1)
    found = Forecast(row(1, 2, 9), quantiles, row(0, 0, 9), row(1, 1, 9), row(1, 1, math.nan), *scales)
    metric.update(Step(torch.tensor(0.0), 1, found=found))
    figures = metric.compute()
    assert figures["mse"] == figures["mae"] == 0.5
    assert figures["smape"] == pytest.approx((0 + 2 * 2 / (3 + 5)) / 2)
    assert figures["mase"] == pytest.approx(2 / 0.5 / 2)
    assert (figures["naive_mse"], figures["seasonal_mse"]) == (1.0, 0.0)
    assert (figures["naive_mae"], figures["seasonal_mae"]) == (1.0, 0.0)
    assert figures["naive_smape"] == pytest.approx(2 * 2 / (3 + 1))
    assert figures["naive_mase"] == pytest.approx(2 / 0.5)
    assert figures["covered"] == 0.5
    assert figures["quantile_loss"] == pytest.approx(((0.1 + 0 + 0.1) + (0.9 + 0.5 + 0.2)) / 3 / 2)


@pytest.mark.parametrize("quantiles", [False, True])
def test_the_forecast_goes_on_behind_the_end(quantiles: bool) -> None:
    task = SeriesTask(Parts(series()), dataclasses.replace(SMALL, quantiles=quantiles))
    heading, *rows = "".join(task.predict(task.network().eval(), series())).splitlines()
    assert heading == ("date,a 10 %,a 50 %,a 90 %,b 10 %,b 50 %,b 90 %" if quantiles else "date,a,b")
    assert [row.split(",")[0] for row in rows] == [f"2024-01-04 {18 + n}:00:00" for n in range(6)]


def test_too_short_and_other_columns_are_refused() -> None:
    with pytest.raises(DataError, match="at least 18 steps, for a history of 12 and a horizon of 6"):
        SeriesTask(Parts(series(20)), SMALL)
    task = SeriesTask(Parts(series()), SMALL)
    with pytest.raises(DataError, match="'made' has the columns a, b, c, not a, b; name and order them alike"):
        list(task.predict(task.network(), series(columns=3)))
    with pytest.raises(DataError, match="needs 12 steps before it, but 'made' has 5"):
        list(task.predict(task.network(), series(5)))


def test_the_quantile_loss_is_least_at_the_quantiles() -> None:
    task = SeriesTask(Parts(series()), dataclasses.replace(SMALL, quantiles=True, linear=False))
    network, batch = task.network(), task.training(0)[0]
    drawn = torch.randn(4000, generator=torch.Generator().manual_seed(0))
    batch = batch._replace(
        targets=drawn.view(-1, 1, 1).expand(-1, 6, 2),
        **{name: getattr(batch, name)[:1].expand(4000, -1, -1) for name in ("history", "missing", "calendar")},
    )
    last = batch.history[0, -1]
    torch.nn.init.zeros_(network.output.weight)

    def loss(levels: torch.Tensor) -> float:
        network.output.bias.data.copy_(levels.repeat(6))
        return task.step(network.eval(), batch, None).loss.item()

    best = torch.quantile(drawn, torch.tensor([0.1, 0.5, 0.9]))
    spread = float(last.mean())
    assert loss(best - spread) <= min(loss(best - spread + moved) for moved in (0.4, -0.4))


def table(path: Path, steps: int) -> Path:
    """A series with gaps, the first step included."""
    rows = [f"{START + n * 3_600_000_000 * MICROSECOND},{'' if n % 7 == 0 else n % 5},{n % 11}" for n in range(steps)]
    path.write_text("\n".join(["date,a,b", *rows]))
    return path


def test_gaps_are_filled_with_what_was_known_last(tmp_path: Path) -> None:
    found = read_series(table(tmp_path / "a.csv", 15))
    assert found.values[:, 0].isnan().nonzero()[:, 0].tolist() == [0, 7, 14]
    assert found.filled[:, 0].isnan().nonzero()[:, 0].tolist() == [0]
    assert (found.filled[7, 0], found.filled[14, 0]) == (1, 3)
    assert torch.equal(found.filled[:, 1], found.values[:, 1])


def test_a_long_series_stays_in_a_file_and_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path / "a.csv", 200)
    short = SeriesTask(Parts(read_series(path)), SMALL)
    monkeypatch.setattr(files, "CHUNK", 50)
    monkeypatch.setattr(reading, "Numbers", functools.partial(numbers.Numbers, few=30))
    monkeypatch.setattr(SERIES_TASK, "PIECE", 13)
    far = SeriesTask(Parts(read_series(path)), SMALL)
    assert short.files == far.files
    for ours, theirs in zip(short.training(3), far.training(3), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other, equal_nan=True)


def test_of_very_many_windows_some_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SERIES_TASK, "MOST", 8)
    task = SeriesTask(Parts(series()), SMALL)
    epochs = [[start for group in task.training(epoch).groups for start in group] for epoch in (0, 0, 1)]
    assert epochs[0] == epochs[1] != epochs[2]
    assert len(epochs[0]) == 8
    assert len([start for group in task.final().groups for start in group]) <= 8  # type: ignore[attr-defined]


def test_the_memory_that_a_long_series_takes_does_not_grow_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHUNK", 1 << 14)
    monkeypatch.setattr(reading, "Numbers", functools.partial(numbers.Numbers, few=1 << 12))
    monkeypatch.setattr(SERIES_TASK, "MOST", 100)
    most = []
    for steps in (10_000, 40_000):
        path = table(tmp_path / "a.csv", steps)
        tracemalloc.start()
        SeriesTask(Parts(read_series(path)), SMALL)
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert most[1] < 1.2 * most[0]
    assert most[1] < 40_000 * 2 * 8


def test_a_column_of_one_value_is_told_and_does_no_harm() -> None:
    made = series(90, 2)
    values = made.values.clone()
    values[:, 1] = 0.1
    with pytest.warns(DataWarning, match="one value everywhere: "):
        task = SeriesTask(Parts(dataclasses.replace(made, values=values, filled=values)), SMALL)
    seen = task.batch(task.learned, [0]).history
    assert seen[..., 1].abs().max() < 1e-6
    assert seen[..., 0].std() > 0.1


@pytest.mark.parametrize(("unit", "level"), [(1e-9, 0), (200, 5e9)])
def test_a_series_of_any_unit_and_level_is_seen_alike(unit: float, level: float) -> None:
    made = series(90, 2)
    values = level + unit * made.values
    one, other = (
        SeriesTask(Parts(each), SMALL) for each in (made, dataclasses.replace(made, values=values, filled=values))
    )
    assert torch.allclose(one.batch(one.learned, [3]).history, other.batch(other.learned, [3]).history, atol=1e-5)
    assert torch.allclose(unit * one.steps, other.steps)


def lines_at(hours: Iterable[int]) -> str:
    return "date,x\n" + "".join(f"{datetime(2024, 1, 1) + timedelta(hours=each)},{each}\n" for each in hours)


def test_lines_that_are_missing_are_missing_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hours = [each for each in range(60) if each not in (7, 8, 9, 30)]
    (tmp_path / "a.csv").write_text(lines_at(hours))
    for piece in (1 << 20, 7):
        monkeypatch.setattr("cellwright.tasks.series.reading.PIECE", piece)
        with pytest.warns(DataWarning, match="'a' are 1:00:00 apart, but 4 are not there"):
            found = read_series(tmp_path / "a.csv")
        assert found.times.diff().unique().tolist() == [found.spacing] == [3_600_000_000]
        assert found.values[:, 0].nan_to_num(-1).tolist() == [each if each in hours else -1 for each in range(60)]
        assert found.filled[:, 0].tolist() == [
            6 if each in (7, 8, 9) else 29 if each == 30 else each for each in range(60)
        ]


@pytest.mark.parametrize(
    ("hours", "spacing", "told"),
    [
        (range(20), 1, False),
        ([n + n // 5 * 2 for n in range(50)], 1, True),  # as the working days of weeks
        ([n * n for n in range(20)], 19, False),
        ([*range(20), 5000], 1, True),
        ([3], 0, False),
    ],
)
def test_dates_that_are_not_evenly_spaced_stay_as_they_are(
    hours: Sequence[int], spacing: int, told: bool, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(lines_at(hours))
    with pytest.warns(DataWarning, match="too many to be filled in") if told else contextlib.nullcontext():
        found = read_series(tmp_path / "a.csv")
    assert len(found.times) == len(hours)
    assert found.spacing == spacing * 3_600_000_000


def test_errors_of_large_numbers_are_not_rounded_away() -> None:
    far = Forecast(*(torch.full((1, 1, 1), each) for each in (0.3,)), None, *(torch.zeros(1, 1, 1) for _ in range(3)),
                   torch.tensor([10.0]), torch.tensor([1e9]), torch.tensor([10.0]))  # fmt: skip
    metric = ForecastMetric()
    metric.update(Step(torch.tensor(0.09), 1, found=far))
    found = metric.compute()
    assert found["mase"] == pytest.approx(0.3)
    assert found["smape"] == pytest.approx(3 / 1e9)


def test_quantiles_are_judged_by_their_own_loss() -> None:
    task = SeriesTask(Parts(series()), dataclasses.replace(SMALL, quantiles=True))
    metric, network = task.metric(), task.network().eval()
    with torch.no_grad():
        step = task.step(network, task.validation()[0], None)
    metric.update(step)
    found = metric.compute()
    assert next(iter(found)) == "quantile_loss"
    assert found["quantile_loss"] == found["loss"] == pytest.approx(float(step.loss))


@pytest.mark.parametrize(
    ("dates", "then"),
    [
        ([f"{2020 + n // 12}-{n % 12 + 1:02}-01" for n in range(24)], "2022-01-01 00:00:00"),
        (["2023-08-31", "2023-09-30", "2023-10-31", "2023-11-30", "2023-12-31", "2024-01-31"], "2024-02-29 00:00:00"),
        ([f"{year}-06-30" for year in range(2000, 2008)], "2008-06-30 00:00:00"),
        ([f"2024-01-01T0{n}:00+02:00" for n in range(8)], "2024-01-01 08:00:00+02:00"),
        ([f"2024-02-{n:02}" for n in range(20, 29)], "2024-02-29 00:00:00"),
    ],
)
def test_a_forecast_goes_on_with_the_dates_as_they_are(dates: Sequence[str], then: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("date,x\n" + "".join(f"{date},{n % 3}\n" for n, date in enumerate(dates)))
    settings = SeriesSettings(hidden=2, history=3, horizon=1, period=1)
    found = read_series(tmp_path / "a.csv")
    assert isinstance(found, Series)
    task = SeriesTask(Parts(found, found), settings)
    *_, line = task.predict(task.network().eval(), found)
    assert line.split(",")[0] == then
    (tmp_path / "a.csv").write_text((tmp_path / "a.csv").read_text() + line)
    assert len(read_series(tmp_path / "a.csv").times) == len(dates) + 1  # type: ignore[union-attr]


def test_the_clock_may_be_set_back(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "date,x\n2024-10-27T02:30+02:00,1\n2024-10-27T02:00+01:00,2\n2024-10-27T02:30+01:00,3\n"
    )
    found = read_series(tmp_path / "a.csv")
    assert found.times.diff().tolist() == [1_800_000_000] * 2


def test_events_are_no_series_with_dates(tmp_path: Path) -> None:
    made, events = SeriesTask(Parts(series()), SMALL), [Piece("x", ("a",), torch.ones(3, 1), "x")]
    for use in (made.batches, lambda data: next(iter(made.predict(made.network(), data)))):
        with pytest.raises(DataError, match="must be a series with dates, as learned"):
            use(events)


def test_names_with_commas_have_quotes() -> None:
    named = dataclasses.replace(series(), columns=("load, MW", "b"))
    made = SeriesTask(Parts(named), SMALL)
    assert next(iter(made.predict(made.network().eval(), named))) == 'date,"load, MW",b\n'
