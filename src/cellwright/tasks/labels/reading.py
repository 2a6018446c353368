"""Reading texts with a class each: a table of two columns, or a folder for each class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...errors import DataError
from ..faults import Faults
from ..files import read_file
from ..tables import two_columns


@dataclass(frozen=True)
class Example:
    """A text and its class, which may be missing."""

    text: str
    label: str | None


def read_examples(path: Path, skip: bool = False) -> list[Example]:
    r"""The examples of a CSV or TSV file, or of a folder with a folder of texts for each class.

    A table has the columns text and label, in this order or under these names in its first line; in new data the label
    may be missing. In a folder, each file is one text, and the folder it is in names its class.

    Args:
        path: of the table or folder.
        skip: leave out lines in which something is wrong, with a warning.

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
    found = of_folder(path, skip) if path.is_dir() else of_table(path, skip)
    if not found:
        raise DataError(f"{str(path)!r} holds no example; bring a text and its label on each line")
    return found


def of_folder(path: Path, skip: bool) -> list[Example]:
    """Each file below a folder of a class."""
    faults, found = Faults(path, skip), []
    for each in sorted(each for each in path.rglob("*") if each.is_file() and not each.name.startswith(".")):
        place = each.relative_to(path).as_posix()
        if each.parent == path:
            faults.add(place, "lies in no folder of a class")
            continue
        try:
            found.append(Example(read_file(each).strip(), each.parent.name))
        except DataError as error:
            faults.add(place, str(error))
    faults.check("bring each text in the folder of its class")
    return found


def of_table(path: Path, skip: bool) -> list[Example]:
    """Each line of a table."""
    faults = Faults(path, skip)
    found = [Example(row.read, row.found or None) for row in two_columns(path, "text", "label", faults)]
    faults.check("bring a text and its label on each line, with quotes around a text that has a comma")
    return found
