"""Reading texts or measured sequences with a class each: a table, or a folder for each class."""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ...errors import DataError, DataWarning
from ..faults import Faults, brief
from ..files import files_below, read_file
from ..measurements import numbers_of
from ..tables import Line, heading, is_table, named_columns, two_columns, unlike

TEXT, SEQUENCE, LABEL = "text", "sequence", "label"
KNOWN = (SEQUENCE, LABEL)


@dataclass(frozen=True)
class Example:
    """A text and its class, which may be missing.

    Attributes:
        place: its file, and its line there.
    """

    text: str
    label: str | None
    place: str


@dataclass(frozen=True)
class Window:
    """A measured sequence and its class, which may be missing.

    Attributes:
        name: in the column `sequence`, or of its file.
        columns: the names of the features.
        features: float64 `[T, features]`.
        label: the class.
        place: its file, and its name there.
    """

    name: str
    columns: tuple[str, ...]
    features: Tensor
    label: str | None
    place: str


def read_examples(path: Path, skip: bool = False) -> list[Example] | list[Window]:
    r"""The examples of a CSV or TSV file, or of a folder with a folder of files for each class.

    A table of texts has the columns text and label, in this order or under these names in its first line; in new data
    the label may be missing. In a folder, each file is one text, and the folder it is in names its class.

    A table of measured sequences names its columns in its first line: `sequence` tells which lines belong together,
    `label` is their class, and all others are features, and numbers. In a folder, each file is a sequence, a CSV or TSV
    file whose columns are all features.

    Args:
        path: of the table or folder.
        skip: leave out lines in which something is wrong, with a warning.

    Raises:
        DataError: it cannot be read, holds no example, or some lines are something else; it names up to twenty of them.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "names.csv"
    >>> _ = path.write_text('label,text\nIrish,"O\'Neal"\nDutch,Kikkert\n')
    >>> read_examples(path)[1]
    Example(text='Kikkert', label='Dutch', place='names.csv line 3')
    """
    if not path.exists():
        raise DataError(f"there is no file or folder {str(path)!r}; name a CSV or TSV file, or a folder of classes")
    found = of_folder(path, skip) if path.is_dir() else of_table(path, skip)
    if not found:
        raise DataError(f"{str(path)!r} holds no example; bring a text, or a measured sequence, and its label")
    return found


def of_folder(path: Path, skip: bool) -> list[Example] | list[Window]:
    """Each file below a folder of a class."""
    faults, places = Faults(path, skip), []
    for each in files_below(path):
        if each.parent == path:
            faults.add(each.name, "lies in no folder of a class")
        else:
            places.append(each)
    if any(map(is_table, places)):
        return windows_of_files(path, places, faults)
    found = []
    for each in places:
        place = each.relative_to(path).as_posix()
        try:
            found.append(Example(read_file(each).strip(), each.parent.name, place))
        except DataError as error:
            faults.add(place, str(error))
    faults.check("bring each text in the folder of its class")
    return found


def windows_of_files(path: Path, places: list[Path], faults: Faults) -> list[Window]:
    """A measured sequence of each file."""
    found: list[Window] = []
    for each in places:
        name, own = each.relative_to(path).as_posix(), Faults(each)
        try:
            columns, steps = steps_of(each, own)
        except DataError as error:
            faults.add(name, str(error))
            continue
        if found and (other := unlike(columns, found[0].columns)):
            faults.add(name, other)
            continue
        for line, what in own.found:
            faults.add(f"{name} line {line}", what)
        if steps:
            found.append(Window(name, columns, torch.tensor(steps, dtype=torch.float64), each.parent.name, name))
        else:
            faults.add(name, "holds no steps")
    faults.check("bring each sequence in the folder of its class: names of features in its first line, then numbers")
    return found


def steps_of(path: Path, faults: Faults) -> tuple[tuple[str, ...], list[list[float]]]:
    """The features of one sequence, and their numbers at each step.

    Raises:
        DataError: the file is something else, or tells more than features.
    """
    if not is_table(path):
        raise DataError("is no CSV or TSV file, as others here are")
    columns, lines = named_columns(path, faults, KNOWN)
    if set(columns) & set(KNOWN):
        raise DataError(f"has the column {min(set(columns) & set(KNOWN))!r}, which its folder tells; take it out")
    return columns, [numbers for line in lines if (numbers := numbers_of(line, columns, faults)) is not None]


def of_table(path: Path, skip: bool) -> list[Example] | list[Window]:
    """The examples of a table."""
    faults, names = Faults(path, skip), heading(path, (TEXT, *KNOWN))
    if SEQUENCE in names and TEXT not in names and set(names) - set(KNOWN):
        return windows_of_lines(path, *named_columns(path, faults, KNOWN), faults)
    if LABEL in names and TEXT not in names:
        raise DataError(
            f"the first line of {str(path)!r} names the columns {', '.join(names)}; rename them: texts have {TEXT!r} "
            f"and {LABEL!r}, measured sequences {SEQUENCE!r}, {LABEL!r} and a column for each feature"
        )
    found = [
        Example(row.read, row.found or None, f"{path.name} line {row.line}")
        for row in two_columns(path, TEXT, LABEL, faults)
    ]
    faults.check("bring a text and its label on each line, with quotes around a text that has a comma")
    if TEXT not in names:
        tell_heading(found, path)
    return found


def tell_heading(examples: Sequence[Example], path: Path) -> None:
    """Warn if the first line of a table looks like names of columns: it alone has its label."""
    counts = Counter(each.label for each in examples)
    first = examples[0].label if examples else None
    if first and counts.pop(first) == 1 and min(counts.values(), default=1) > 1:
        warnings.warn(
            f"the first line of {str(path)!r} was read as an example, but no other has its label {brief(first)}: if it "
            f"names the columns, call them {TEXT!r} and {LABEL!r}",
            DataWarning,
            stacklevel=2,
        )


def windows_of_lines(path: Path, names: tuple[str, ...], lines: Iterator[Line], faults: Faults) -> list[Window]:
    """The measured sequences of a table."""
    columns = tuple(name for name in names if name not in KNOWN)
    steps: defaultdict[str, list[list[float]]] = defaultdict(list)
    labels: dict[str, str] = {}
    for line in lines:
        name, label, numbers = line.cells[SEQUENCE], line.cells.get(LABEL, ""), numbers_of(line, columns, faults)
        if not name:
            faults.add(line.number, "no sequence is named")
        elif numbers is None:
            continue
        elif label != labels.setdefault(name, label):
            faults.add(line.number, f"{name!r} is {label!r} here, and {labels[name]!r} before")
        else:
            steps[name].append(numbers)
    faults.check(
        "bring a number, up to 1e30, in every column but sequence and label, and one label for each sequence (a label "
        "for each step is learned by: cellwright train frames)"
    )
    return [
        Window(name, columns, torch.tensor(rows, dtype=torch.float64), labels[name] or None, f"{path.name}: {name}")
        for name, rows in steps.items()
    ]
