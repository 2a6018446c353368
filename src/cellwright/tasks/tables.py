"""Tables: of two columns, what is read and what is to be found in it, or of columns with names."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import DataError
from .faults import Faults
from .files import COMPRESSED, read_file, text_lines

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
        names = columns_of(row, (read, found)) if number == 1 else ()
        if read in names:
            places, named = (names.index(read), names.index(found) if found in names else len(row)), len(row)
        elif found in names:
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
    text = read_file(path)
    csv.field_size_limit(LARGEST_FIELD)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter(text.partition("\n")[0]))
    names = columns_of(next(rows, []), known)
    return Table(names, lines_of(rows, names, faults))


def lines_of(rows: Iterator[list[str]], names: Sequence[str], faults: Faults) -> Iterator[Line]:
    """The lines of a table that have something."""
    twice = next((name for n, name in enumerate(names) if name in names[:n]), None)
    place = repr(str(faults.path))
    if names and not any(math.isnan(number_in(name)) for name in names):
        raise DataError(f"the first line of {place} must name the columns, but has numbers alone; put names before it")
    if "" in names:
        raise DataError(f"each column of {place} must have a name, but one has none; name it, or take it out")
    if twice is not None:
        raise DataError(f"each column of {place} must have a name of its own, but {twice!r} is there twice; rename one")
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        number: int = rows.line_num  # type: ignore[attr-defined]
        if len(row) != len(names):
            faults.add(number, f"{len(row)} columns, not {len(names)}")
        else:
            yield Line(number, {name: cell.strip() for name, cell in zip(names, row, strict=True)})


def number_in(cell: str) -> float:
    """The number in a cell; NaN if it is something else."""
    try:
        return float(cell)
    except ValueError:
        return math.nan
