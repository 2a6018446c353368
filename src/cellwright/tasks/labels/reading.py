"""Reading texts with a class each: a table of two columns, or a folder for each class."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from ...errors import DataError
from ..faults import Faults
from ..files import read_file

TEXT, LABEL = "text", "label"
LARGEST_FIELD = 1 << 30


@dataclass(frozen=True)
class Example:
    """A text and its class, which may be missing."""

    text: str
    label: str | None


def read_examples(path: Path) -> list[Example]:
    r"""The examples of a CSV or TSV file, or of a folder with a folder of texts for each class.

    A table has the columns text and label, in this order or under these names in its first line; in new data the label
    may be missing. In a folder, each file is one text, and the folder it is in names its class.

    Raises:
        DataError: it cannot be read, holds no example, or some lines are something else; it names up to twenty of them.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "names.csv"
    >>> _ = path.write_text('label,text\nIrish,"O\'Neal"\nDutch,Kikkert\n')
    >>> read_examples(path)[1]
    Example(text='Kikkert', label='Dutch')
    """
    if not path.exists():
        raise DataError(f"there is no file or folder {str(path)!r}; name a CSV or TSV file, or a folder of classes")
    found = of_folder(path) if path.is_dir() else of_table(path)
    if not found:
        raise DataError(f"{str(path)!r} holds no example; bring a text and its label on each line")
    return found


def of_folder(path: Path) -> list[Example]:
    """Each file below a folder of a class."""
    files = sorted(each for each in path.rglob("*") if each.is_file() and not each.name.startswith("."))
    for each in files:
        if each.parent == path:
            raise DataError(
                f"in a folder of classes each text lies in the folder of its class, but {str(each)!r} does not"
            )
    return [Example(read_file(each).strip(), each.parent.name) for each in files]


def of_table(path: Path) -> list[Example]:
    """Each line of a table."""
    text = read_file(path)
    first = text.partition("\n")[0]
    csv.field_size_limit(LARGEST_FIELD)
    if "\t" in first:
        reader = csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(io.StringIO(text), strict=True)
    faults, found, places = Faults(path), [], (0, 1)
    try:
        for number, row in enumerate(reader):
            if number == 0 and TEXT in row:
                places = (row.index(TEXT), row.index(LABEL) if LABEL in row else len(row))
                continue
            if not any(cell.strip() for cell in row):
                continue
            if len(row) > max(2, *places) or len(row) <= places[0]:
                faults.add(reader.line_num, f"{len(row)} columns")
            elif not row[places[0]].strip():
                faults.add(reader.line_num, "the text is empty")
            else:
                label = row[places[1]].strip() if len(row) > places[1] else ""
                found.append(Example(row[places[0]].strip(), label or None))
    except csv.Error as error:
        faults.add(reader.line_num, f"{error}")
    faults.check("bring a text and its label on each line, with quotes around a text that has a comma")
    return found
