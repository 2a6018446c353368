"""Reading series: a table with a line for each point in time."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import DataError
from ..faults import Faults
from ..files import text_lines
from ..measurements import LARGEST
from ..numbers import Numbers
from ..tables import number_in

SEQUENCE = "sequence"
START, MICROSECOND = datetime(1970, 1, 1), timedelta(microseconds=1)
MISSING = {"", "nan", "na", "null", "none", "-"}


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
    """

    name: str
    columns: tuple[str, ...]
    times: Tensor
    values: Tensor
    filled: Tensor

    def part(self, first: int, end: int) -> Series:
        """Some of the steps."""
        steps = slice(first, end)
        return Series(self.name, self.columns, self.times[steps], self.values[steps], self.filled[steps])


@dataclass(frozen=True)
class Piece:
    """A sequence of events.

    Attributes:
        name: as the table has it.
        columns: the names of the events.
        events: float32 `[T, columns]`, 0 or 1.
    """

    name: str
    columns: tuple[str, ...]
    events: Tensor


def read_series(path: Path, skip: bool = False) -> Series | list[Piece]:
    r"""The series of a CSV or TSV file.

    The first line names the columns. The first column has dates as ISO 8601 writes them, one after the other; all
    others have numbers, which may be missing: empty, NaN, NA. Or the first column is `sequence`, and tells which lines
    belong together; all others then are events, 1 where one happens and 0 where not.

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
    lines = text_lines(path)
    heading = next(lines, "")
    rows = csv.reader(chain([heading], lines), delimiter="\t" if "\t" in heading else ",")
    names = [each.strip() for each in next(rows, [])]
    if len(names) < 2:
        raise DataError(f"{str(path)!r} must name a date and at least one number in its first line, but has {names}")
    faults = Faults(path, skip)
    if names[0] == SEQUENCE:
        return read_events(path, names[1:], rows, faults)
    series = read_steps(path, names[1:], rows, faults)
    empty = [name for name, last in zip(series.columns, series.filled[-1], strict=True) if last.isnan()]
    if empty:
        raise DataError(
            f"every column must have numbers, but in {str(path)!r} {', '.join(empty)} has none; leave it out"
        )
    return series


def read_steps(path: Path, names: Sequence[str], rows: Any, faults: Faults) -> Series:
    """The steps of a table of a series, whose heading has been read."""
    times, values, filled = Numbers("q"), Numbers("d"), Numbers("d")
    before, known = None, [math.nan] * len(names)
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != 1 + len(names):
            faults.add(rows.line_num, f"{len(row)} columns, not {1 + len(names)}")
            continue
        date = date_of(row[0])
        if date is None:
            faults.add(rows.line_num, f"{row[0]!r} is no date")
        elif before and date <= before:
            faults.add(rows.line_num, f"{row[0]} comes after {before.isoformat(' ')}")
        else:
            before = date
            found = [number_of(*each, faults, rows.line_num) for each in zip(row[1:], names, strict=True)]
            known = [last if math.isnan(now) else now for last, now in zip(known, found, strict=True)]
            times.extend([(date - START) // MICROSECOND])
            values.extend(found)
            filled.extend(known)
    faults.check("bring dates as 2024-12-31 23:00, each later than the one before, and numbers")
    if before is None:
        raise DataError(f"{str(path)!r} holds no steps; bring a date and numbers on each line")
    tables = (each.tensor().view(-1, len(names)) for each in (values, filled))
    return Series(path.name.partition(".")[0], tuple(names), times.tensor(), *tables)


def read_events(path: Path, names: Sequence[str], rows: Any, faults: Faults) -> list[Piece]:
    """The sequences of a table of events, whose heading has been read."""
    found = []
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != 1 + len(names):
            faults.add(rows.line_num, f"{len(row)} columns, not {1 + len(names)}")
        elif not {cell.strip() for cell in row[1:]} <= {"0", "1"}:
            faults.add(rows.line_num, "an event that is neither 0 nor 1")
        else:
            found.append((row[0], [float(cell) for cell in row[1:]]))
    faults.check("bring the name of a sequence, and 0 or 1 for each event")
    if not found:
        raise DataError(f"{str(path)!r} holds no steps; bring a line of events for each")
    return [
        Piece(name, tuple(names), torch.tensor([events for _, events in group]))
        for name, group in groupby(found, key=lambda step: step[0])
    ]


def date_of(cell: str) -> datetime | None:
    """The date in a cell, without its zone."""
    try:
        return datetime.fromisoformat(cell.strip()).replace(tzinfo=None)
    except ValueError:
        return None


def number_of(cell: str, name: str, faults: Faults, line: int) -> float:
    """The number in a cell; NaN if it is missing."""
    if cell.strip().lower() in MISSING:
        return math.nan
    value = number_in(cell)
    if not abs(value) <= LARGEST:
        faults.add(line, f"{cell!r} in the column {name}")
        return math.nan
    return value
