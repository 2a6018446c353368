"""Reading features and labels frame by frame: a table with a line for each frame."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import torch
from torch import Tensor

from ...errors import DataError
from ..faults import Faults
from ..files import read_file

LABEL, VIDEO = "label", "video"
TABLES = (".csv", ".tsv")


@dataclass(frozen=True)
class Video:
    """A sequence of frames.

    Attributes:
        name: of its file, or in the column `video`.
        columns: the names of the features.
        features: float32 `[T, features]`.
        labels: of each frame; "" where there is none.
    """

    name: str
    columns: tuple[str, ...]
    features: Tensor
    labels: tuple[str, ...]


def read_videos(path: Path) -> list[Video]:
    r"""The videos of a CSV or TSV file, or of a folder of them.

    The first line names the columns. The column `label` has what is to be learned; it may be empty, or missing in new
    data. Where there is a column `video`, it tells which frames belong together; else a file is one video. All other
    columns are features, and numbers.

    Raises:
        DataError: a file cannot be read, or some lines are something else; it names up to twenty of them.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "clip.csv"
    >>> _ = path.write_text("x,y,label\n0.5,1,rest\n0.75,2,move\n")
    >>> read_videos(path)[0].features.tolist()
    [[0.5, 1.0], [0.75, 2.0]]
    """
    if not path.exists():
        raise DataError(f"there is no file or folder {str(path)!r}; name a CSV or TSV file, or a folder of them")
    files = sorted(each for each in path.rglob("*") if is_table(each)) if path.is_dir() else [path]
    found = [video for each in files for video in of_table(each)]
    if not found:
        raise DataError(f"{str(path)!r} holds no frames; bring a table with a line for each frame")
    for each in found:
        if each.columns != found[0].columns:
            raise DataError(
                f"all videos must have the same features, but {found[0].name!r} has {', '.join(found[0].columns)} and "
                f"{each.name!r} has {', '.join(each.columns)}; name and order them alike"
            )
    return found


def is_table(path: Path) -> bool:
    """Whether a file is named as a table, compressed or not."""
    return path.is_file() and any(each in TABLES for each in path.suffixes)


def of_table(path: Path) -> list[Video]:
    """The videos of one file."""
    text = read_file(path)
    heading = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text), delimiter="\t" if "\t" in heading else ",")
    names = [each.strip() for each in next(rows, [])]
    columns = tuple(each for each in names if each not in (LABEL, VIDEO))
    if not columns:
        raise DataError(f"{str(path)!r} has no features in its first line; name a column for each, beside {LABEL!r}")
    places = [names.index(each) for each in columns]
    label, video = (names.index(each) if each in names else None for each in (LABEL, VIDEO))
    faults, frames = Faults(path), []
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(names):
            faults.add(rows.line_num, f"{len(row)} columns, not {len(names)}")
            continue
        name = path.name.partition(".")[0] if video is None else row[video]
        frames.append((name, numbers(row, places, names, faults, rows.line_num), "" if label is None else row[label]))
    faults.check("bring a finite number in every column but label and video")
    return [one_video(name, columns, list(group)) for name, group in groupby(frames, key=lambda frame: frame[0])]


def numbers(row: Sequence[str], places: Sequence[int], names: Sequence[str], faults: Faults, line: int) -> list[float]:
    """The features of a line."""
    found = []
    for place in places:
        try:
            value = float(row[place])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            faults.add(line, f"{row[place]!r} in the column {names[place]}")
        found.append(value)
    return found


def one_video(name: str, columns: tuple[str, ...], frames: Sequence[tuple[str, list[float], str]]) -> Video:
    """A video of its frames."""
    features = torch.tensor([each for _, each, _ in frames], dtype=torch.float32)
    return Video(name, columns, features, tuple(label.strip() for *_, label in frames))
