"""Tables: of two columns, what is read and what is to be found in it, or of columns with names."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import DataError
from .faults import Faults
from .files import read_file

LARGEST_FIELD = 1 << 30
ENDINGS = (".csv", ".tsv")


class Row(NamedTuple):
    """A line of a table.

    Attributes:
        line: its number, from 1 on.
        read, found: its two columns; `found` is "" where it is missing.
    """

    line: int
    read: str
    found: str


def two_columns(path: Path, read: str, found: str, faults: Faults) -> Iterator[Row]:
    """The lines of a CSV or TSV file that have something; faults are noted.

    Args:
        path: of the file.
        read: name of the column that must be there.
        found: name of the other one. Where the first line has no names, they stand in this order.
        faults: where to note lines that are something else.

    Raises:
        DataError: it cannot be read, or its first line names the column that is to be found alone.
    """
    text = read_file(path)
    csv.field_size_limit(LARGEST_FIELD)
    if "\t" in text.partition("\n")[0]:
        reader = csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(io.StringIO(text), strict=True)
    places, named, number = (0, 1), 2, 0
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            faults.add(reader.line_num, f"{error}")
            continue
        number += 1
        if number == 1 and read in row:
            places, named = (row.index(read), row.index(found) if found in row else len(row)), len(row)
        elif number == 1 and found in row:
            raise DataError(
                f"the first line of {str(path)!r} names the column {found!r}, but none {read!r}, only "
                f"{', '.join(row)}; rename what is to be read to {read!r}"
            )
        elif not any(cell.strip() for cell in row):
            continue
        elif len(row) > max(named, 2) or len(row) <= places[0]:
            faults.add(reader.line_num, f"{len(row)} columns")
        elif not row[places[0]].strip():
            faults.add(reader.line_num, f"the {read} is empty")
        else:
            yield Row(reader.line_num, row[places[0]].strip(), row[places[1]].strip() if len(row) > places[1] else "")


class Line(NamedTuple):
    """A line of a table: its number and its cells, by the names of their columns."""

    number: int
    cells: dict[str, str]


class Table(NamedTuple):
    """A table whose first line names the columns: these names, and the other lines."""

    names: tuple[str, ...]
    lines: Iterator[Line]


def is_table(path: Path) -> bool:
    """Whether a file is named as a table, compressed or not."""
    return any(each in ENDINGS for each in path.suffixes)


def named_columns(path: Path, faults: Faults) -> Table:
    """The names of the columns of a CSV or TSV file, and its lines that have something; faults are noted.

    Raises:
        DataError: it cannot be read; or, when the lines are read, a name is there twice.
    """
    text = read_file(path)
    csv.field_size_limit(LARGEST_FIELD)
    rows = csv.reader(io.StringIO(text), delimiter="\t" if "\t" in text.partition("\n")[0] else ",")
    names = tuple(each.strip() for each in next(rows, []))
    return Table(names, lines_of(rows, names, faults))


def lines_of(rows: Iterator[list[str]], names: Sequence[str], faults: Faults) -> Iterator[Line]:
    """The lines of a table that have something."""
    twice = next((name for n, name in enumerate(names) if name in names[:n]), None)
    if twice is not None:
        raise DataError(
            f"each column of {str(faults.path)!r} must have a name of its own, but {twice!r} is there twice; rename one"
        )
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        number: int = rows.line_num  # type: ignore[attr-defined]
        if len(row) != len(names):
            faults.add(number, f"{len(row)} columns, not {len(names)}")
        else:
            yield Line(number, {name: cell.strip() for name, cell in zip(names, row, strict=True)})
