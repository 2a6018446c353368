"""Tables: of two columns, what is read and what is to be found in it, or of columns with names."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from ..errors import DataError
from .faults import Faults
from .files import COMPRESSED, text_lines

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
    places, named = (0, 1), 2
    for number, (line, row) in enumerate(rows_of(text_lines(path), faults, quotes_of_tabs=False)):
        names = columns_of(row, (read, found)) if number == 0 else ()
        if read in names:
            places, named = (names.index(read), names.index(found) if found in names else len(row)), len(row)
        elif found in names:
            raise DataError(
                f"the first line of {str(path)!r} names the column {found!r}, but none {read!r}, only "
                f"{', '.join(row)}; rename what is to be read to {read!r}"
            )
        elif len(row) > named or len(row) <= places[0]:
            faults.add(line, f"{len(row)} columns")
        elif not row[places[0]].strip():
            faults.add(line, f"the {read} is empty")
        else:
            yield Row(line, row[places[0]].strip(), row[places[1]].strip() if len(row) > places[1] else "")


def rows_of(lines: Iterator[str], faults: Faults, quotes_of_tabs: bool = True) -> Iterator[tuple[int, list[str]]]:
    """The number of the first line of each row of a CSV or TSV file that has something, and its cells.

    Args:
        lines: of the file.
        faults: where to note rows with a quote in the wrong place.
        quotes_of_tabs: whether quotes mean something also between tabs.

    Raises:
        DataError: a quote is opened and never closed, so that all behind it is one cell.
    """
    csv.field_size_limit(LARGEST_FIELD)
    first = next(lines, "")
    between = delimiter(first)
    plain = between == "\t" and not quotes_of_tabs
    reader = csv.reader(
        chain([first], lines),
        delimiter=between,
        quoting=csv.QUOTE_NONE if plain else csv.QUOTE_MINIMAL,
        strict=True,
    )
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end" in str(error):
                raise DataError(
                    f"{faults.source} opens a quote in line {line} that is never closed; close it, or take it out"
                ) from error
            faults.add(line, f"{error}")
        else:
            if any(cell.strip() for cell in row):
                yield line, row


class Line(NamedTuple):
    """A line of a table: its number and its cells, by the names of their columns."""

    number: int
    cells: dict[str, str]


class Table(NamedTuple):
    """A table whose first line names the columns: these names, and the other lines."""

    names: tuple[str, ...]
    lines: Iterator[Line]


def is_table(path: Path) -> bool:
    """Whether a file is named as a table, compressed or not.

    >>> [is_table(Path(name)) for name in ("a.CSV", "a.tsv.gz", "a.csv.txt")]
    [True, True, False]
    """
    endings = [each.lower() for each in path.suffixes]
    if endings and endings[-1] in COMPRESSED:
        endings.pop()
    return bool(endings) and endings[-1] in ENDINGS


def columns_of(row: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The names in a first line; those that are known are so in capitals, too.

    >>> columns_of(["Label", " X"], known=["label"])
    ('label', 'X')
    """
    names = [each.strip() for each in row]
    return tuple(each.casefold() if each.casefold() in known else each for each in names)


def heading(path: Path, known: Sequence[str]) -> tuple[str, ...]:
    """What the first line of a CSV or TSV file would be as names of columns.

    Raises:
        DataError: it cannot be read.
    """
    csv.field_size_limit(LARGEST_FIELD)
    first = next(text_lines(path), "")
    return columns_of(next(csv.reader([first], delimiter=delimiter(first)), []), known)


def delimiter(first: str) -> str:
    """What stands between the cells of a table with this first line."""
    return "\t" if "\t" in first else ","


def named_columns(path: Path, faults: Faults, known: Sequence[str] = ()) -> Table:
    """The names of the columns of a CSV or TSV file, and its lines that have something; faults are noted.

    Args:
        path: of the file.
        faults: where to note lines that are something else.
        known: names that may be in capitals, too.

    Raises:
        DataError: it cannot be read; or, when the lines are read, the first names no columns, or some not well.
    """
    rows = rows_of(text_lines(path), faults)
    _, first = next(rows, (1, []))
    names = columns_of(first, known)
    return Table(names, lines_of(rows, names, faults))


def lines_of(rows: Iterator[tuple[int, list[str]]], names: Sequence[str], faults: Faults) -> Iterator[Line]:
    """The lines of a table."""
    must_name_columns(names, faults.source)
    for number, row in rows:
        if len(row) != len(names):
            faults.add(number, f"{len(row)} columns, not {len(names)}")
        else:
            yield Line(number, {name: cell.strip() for name, cell in zip(names, row, strict=True)})


def must_name_columns(names: Sequence[str], place: str) -> None:
    """Refuse a first line, of the file at a place, that does not name the columns well.

    Raises:
        DataError: it has numbers alone, no name for a column, or one name twice.
    """
    twice = next((name for n, name in enumerate(names) if name in names[:n]), None)
    if names and not any(math.isnan(number_in(name)) for name in names):
        raise DataError(f"the first line of {place} must name the columns, but has numbers alone; put names before it")
    if "" in names:
        raise DataError(f"each column of {place} must have a name, but one has none; name it, or take it out")
    if twice is not None:
        raise DataError(f"each column of {place} must have a name of its own, but {twice!r} is there twice; rename one")


def unlike(columns: Sequence[str], others: Sequence[str]) -> str | None:
    """How columns differ from others, in names or order; None if they are the same.

    >>> unlike(["x", "z"], ["x", "y"])
    'has the columns x, z, not x, y'
    """
    if tuple(columns) == tuple(others):
        return None
    return f"has the columns {', '.join(columns)}, not {', '.join(others)}"


def table_line(cells: Iterable[object]) -> str:
    r"""A line of a CSV file, with quotes where they are needed.

    >>> table_line(["p, q", 0.5])
    '"p, q",0.5\n'
    """
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def number_in(cell: str) -> float:
    """The number in a cell; NaN if it is something else."""
    try:
        return float(cell)
    except ValueError:
        return math.nan
