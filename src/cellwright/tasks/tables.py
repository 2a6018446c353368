"""Tables of two columns: what is read, and what is to be found in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .faults import Faults
from .files import read_file

LARGEST_FIELD = 1 << 30


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
        elif not any(cell.strip() for cell in row):
            continue
        elif len(row) > max(named, 2) or len(row) <= places[0]:
            faults.add(reader.line_num, f"{len(row)} columns")
        elif not row[places[0]].strip():
            faults.add(reader.line_num, f"the {read} is empty")
        else:
            yield Row(reader.line_num, row[places[0]].strip(), row[places[1]].strip() if len(row) > places[1] else "")
