"""Reading series: a table with a line for each point in time."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import DataError
from ..faults import Faults
from ..files import read_file

SEQUENCE = "sequence"
MISSING = {"", "nan", "na", "null", "none", "-"}


@dataclass(frozen=True)
class Series:
    """Columns of numbers over time.

    Attributes:
        name: of the file.
        columns: their names.
        dates: of each step, in order.
        values: float64 `[T, columns]`; NaN where one is missing.
    """

    name: str
    columns: tuple[str, ...]
    dates: tuple[datetime, ...]
    values: Tensor


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
    text = read_file(path)
    heading = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text), delimiter="\t" if "\t" in heading else ",")
    names = [each.strip() for each in next(rows, [])]
    if len(names) < 2:
        raise DataError(f"{str(path)!r} must name a date and at least one number in its first line, but has {names}")
    if names[0] == SEQUENCE:
        return read_events(path, names[1:], rows, Faults(path, skip))
    faults = Faults(path, skip)
    dates: list[datetime] = []
    values: list[list[float]] = []
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(names):
            faults.add(rows.line_num, f"{len(row)} columns, not {len(names)}")
            continue
        date = date_of(row[0])
        if date is None:
            faults.add(rows.line_num, f"{row[0]!r} is no date")
        elif dates and date <= dates[-1]:
            faults.add(rows.line_num, f"{row[0]} comes after {dates[-1].isoformat(' ')}")
        else:
            dates.append(date)
            cells = zip(row[1:], names[1:], strict=True)
            values.append([number_of(cell, name, faults, rows.line_num) for cell, name in cells])
    faults.check("bring dates as 2024-12-31 23:00, each later than the one before, and numbers")
    if not dates:
        raise DataError(f"{str(path)!r} holds no steps; bring a date and numbers on each line")
    found = torch.tensor(values, dtype=torch.float64)
    check_columns(path, names[1:], found)
    return Series(path.name.partition(".")[0], tuple(names[1:]), tuple(dates), found)


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
    try:
        value = float(cell)
    except ValueError:
        value = math.inf
    if math.isinf(value):
        faults.add(line, f"{cell!r} in the column {name}")
        return math.nan
    return value


def check_columns(path: Path, names: Sequence[str], values: Tensor) -> None:
    """Every column has some numbers.

    Raises:
        DataError: one has none.
    """
    empty = [name for name, column in zip(names, values.T, strict=True) if bool(column.isnan().all())]
    if empty:
        raise DataError(
            f"every column must have numbers, but in {str(path)!r} {', '.join(empty)} has none; leave it out"
        )
