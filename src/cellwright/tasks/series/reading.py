"""Reading series: a table with a line for each point in time."""

from __future__ import annotations

import math
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import torch
from torch import Tensor

from ...errors import DataError, DataWarning
from ..faults import Faults, brief
from ..files import text_lines
from ..measurements import LARGEST
from ..numbers import Numbers
from ..tables import columns_of, must_name_columns, number_in, rows_of

SEQUENCE = "sequence"
START, MICROSECOND = datetime(1970, 1, 1), timedelta(microseconds=1)
MISSING = {"", "nan", "na", "null", "none", "-"}
SPACINGS = 1000
"""Different ones, from which on dates are not evenly spaced."""
RARE = 0.1
"""The largest share of steps that are further from the one before than usual, in a series with lines missing."""
PIECE = 1 << 20
"""Steps that are written at once."""


@dataclass(frozen=True)
class Series:
    """Columns of numbers over time.

    Long ones lie in files that vanish with them.

    Attributes:
        name: of the file.
        columns: their names.
        times: of each step, in order, microseconds since 1970, int64 `[T]`.
        values: float64 `[T, columns]`; NaN where one is missing.
        filled: the same with the last known one in the place of a missing one; NaN before the first.
        spacing: from step to step, microseconds; where it varies, its mean.
        zone: of the times, if the file has one.
    """

    name: str
    columns: tuple[str, ...]
    times: Tensor
    values: Tensor
    filled: Tensor
    spacing: int
    zone: tzinfo | None = None

    def part(self, first: int, end: int) -> Series:
        """Some of the steps."""
        steps = slice(first, end)
        return replace(self, times=self.times[steps], values=self.values[steps], filled=self.filled[steps])

    def dates(self, steps: slice) -> list[datetime]:
        """The times of some steps, in their zone."""
        return [(START + time * MICROSECOND).replace(tzinfo=self.zone) for time in self.times[steps].tolist()]


@dataclass(frozen=True)
class Piece:
    """A sequence of events.

    Attributes:
        name: as the table has it.
        columns: the names of the events.
        events: float32 `[T, columns]`, 0 or 1.
        place: its file, and its name there.
    """

    name: str
    columns: tuple[str, ...]
    events: Tensor
    place: str


def read_series(path: Path, skip: bool = False) -> Series | list[Piece]:
    r"""The series of a CSV or TSV file.

    The first line names the columns. The first column has dates as ISO 8601 writes them, one after the other, all with
    a zone or all without; all others have numbers, which may be missing: empty, NaN, NA. Whole lines may be missing,
    too, where the others are evenly spaced; a warning counts them. Or the first column is `sequence`, and tells which
    lines belong together; all others then are events, 1 where one happens and 0 where not.

    Args:
        path: of the table.
        skip: leave out lines in which something is wrong, with a warning; numbers that are none count as missing.

    Raises:
        DataError: it cannot be read, or some lines are something else; it names up to twenty of them.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "load.csv"
    >>> _ = path.write_text("date,load\n2024-01-01 00:00,1.5\n2024-01-01 01:00,\n")
    >>> series = read_series(path)
    >>> series.values.tolist()
    [[1.5], [nan]]
    """
    faults = Faults(path, skip)
    rows = rows_of(text_lines(path), faults)
    _, first = next(rows, (1, []))
    names = columns_of(first, [SEQUENCE])
    if len(names) < 2:
        raise DataError(
            f"{str(path)!r} must name a date and at least one number in its first line, but has {list(names)}"
        )
    if date_of(names[0]):
        raise DataError(f"the first line of {str(path)!r} must name the columns, but has a date; put names before it")
    must_name_columns(names[1:], repr(str(path)))
    if names[0] == SEQUENCE:
        return read_events(path, names[1:], rows, faults)
    series = read_steps(path, names[1:], rows, faults)
    empty = [name for name, last in zip(series.columns, series.filled[-1], strict=True) if last.isnan()]
    if empty:
        raise DataError(
            f"every column must have numbers, but in {str(path)!r} {', '.join(empty)} has none; leave it out"
        )
    return series


def read_steps(path: Path, names: Sequence[str], rows: Iterator[tuple[int, list[str]]], faults: Faults) -> Series:
    """The steps of a table of a series, whose heading has been read."""
    times, values, filled = Numbers("q"), Numbers("d"), Numbers("d")
    before, zone, known = None, None, [math.nan] * len(names)
    spacings: Counter[int] = Counter()
    for line, row in rows:
        if len(row) != 1 + len(names):
            faults.add(line, f"{len(row)} columns, not {1 + len(names)}")
            continue
        date = date_of(row[0])
        if date is None:
            faults.add(line, f"{brief(row[0])} is no date")
            continue
        if before is None:
            zone = date.tzinfo
        if (date.tzinfo is None) != (zone is None):
            faults.add(line, f"{row[0]} has {'a' if date.tzinfo else 'no'} zone, unlike the first date")
            continue
        date = date.astimezone(zone).replace(tzinfo=None) if zone else date
        if before and date <= before:
            faults.add(line, f"{row[0]} comes after {before.isoformat(' ')}")
            continue
        if before and len(spacings) < SPACINGS:
            spacings[(date - before) // MICROSECOND] += 1
        before = date
        found = [number_of(*each, faults, line) for each in zip(row[1:], names, strict=True)]
        known = [last if math.isnan(now) else now for last, now in zip(known, found, strict=True)]
        times.extend([(date - START) // MICROSECOND])
        values.extend(found)
        filled.extend(known)
    faults.check("bring dates as 2024-12-31 23:00, each later than the one before, and numbers")
    if before is None:
        raise DataError(f"{str(path)!r} holds no steps; bring a date and numbers on each line")
    numbers, last = (each.tensor().view(-1, len(names)) for each in (values, filled))
    name, steps = path.name.partition(".")[0], times.tensor()
    mean = int(steps[-1] - steps[0]) // max(1, len(steps) - 1)
    return whole(Series(name, tuple(names), steps, numbers, last, mean, zone), spacings)


def whole(series: Series, spacings: Counter[int]) -> Series:
    """A series with a step, of missing numbers, for each line that is missing.

    That can be told where most steps are equally far apart, and the others a multiple of that.

    Args:
        series: as its file has it.
        spacings: how often which was met.
    """
    usual, often = spacings.most_common(1)[0] if spacings else (1, 0)
    odd = len(spacings) == SPACINGS or any(spacing % usual for spacing in spacings)
    if odd or 2 * often < spacings.total() or not often:
        return series
    missing = sum((spacing // usual - 1) * count for spacing, count in spacings.items())
    if not missing:
        return replace(series, spacing=usual)
    many = spacings.total() - often > RARE * spacings.total() or missing > len(series.times)
    how = "too many to be filled in: the lines count as if they followed one another" if many else "they are unknown"
    warnings.warn(
        f"the steps of {series.name!r} are {timedelta(microseconds=usual)} apart, but {missing:,} are not there; {how}",
        DataWarning,
        stacklevel=2,
    )
    if many:
        return replace(series, spacing=usual)
    times, values, filled = Numbers("q"), Numbers("d"), Numbers("d")
    for first in range(0, len(series.times), PIECE):
        part = slice(first, first + PIECE)
        lasts = (series.times[first : first + PIECE + 1].diff() // usual).tolist()
        counts = torch.tensor([*lasts, 1][: len(series.times[part])])
        place = torch.arange(len(counts)).repeat_interleave(counts)
        behind = torch.arange(len(place)) - (counts.cumsum(0) - counts)[place]
        times.extend((series.times[part][place] + usual * behind).numpy())
        values.extend(series.values[part][place].masked_fill(behind[:, None] > 0, math.nan).flatten().numpy())
        filled.extend(series.filled[part][place].flatten().numpy())
    numbers, last = (each.tensor().view(-1, len(series.columns)) for each in (values, filled))
    return replace(series, times=times.tensor(), values=numbers, filled=last, spacing=usual)


def read_events(path: Path, names: Sequence[str], rows: Iterator[tuple[int, list[str]]], faults: Faults) -> list[Piece]:
    """The sequences of a table of events, whose heading has been read."""
    found: defaultdict[str, list[list[float]]] = defaultdict(list)
    for line, row in rows:
        if len(row) != 1 + len(names):
            faults.add(line, f"{len(row)} columns, not {1 + len(names)}")
        elif not {cell.strip() for cell in row[1:]} <= {"0", "1"}:
            faults.add(line, "an event that is neither 0 nor 1")
        else:
            found[row[0].strip()].append([float(cell) for cell in row[1:]])
    faults.check("bring the name of a sequence, and 0 or 1 for each event")
    if not found:
        raise DataError(f"{str(path)!r} holds no steps; bring a line of events for each")
    return [Piece(name, tuple(names), torch.tensor(steps), f"{path.name}: {name}") for name, steps in found.items()]


def date_of(cell: str) -> datetime | None:
    """The date in a cell, with its zone if it has one."""
    try:
        return datetime.fromisoformat(cell.strip())
    except ValueError:
        return None


def number_of(cell: str, name: str, faults: Faults, line: int) -> float:
    """The number in a cell; NaN if it is missing."""
    if cell.strip().lower() in MISSING:
        return math.nan
    value = number_in(cell)
    if not abs(value) <= LARGEST:
        faults.add(line, f"{brief(cell)} in the column {name}")
        return math.nan
    return value
