"""Reading videos and the labels of their frames: tables of features, or video files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ...errors import DataError
from ..faults import Faults
from ..files import files_below
from ..measurements import numbers_of
from ..tables import Line, is_table, named_columns, unlike
from .video import FILMS, count_frames

LABEL, VIDEO, FRAME = "label", "video", "frame"


@dataclass(frozen=True)
class Video:
    """A sequence of frames.

    Attributes:
        name: of its file, or in the column `video`.
        labels: of each frame; "" where there is none.
        place: its file, and its name there.
    """

    name: str
    labels: tuple[str, ...]
    place: str


@dataclass(frozen=True)
class Measured(Video):
    """A video by features of its frames.

    Attributes:
        columns: the names of the features.
        features: float64 `[T, features]`.
    """

    columns: tuple[str, ...]
    features: Tensor


@dataclass(frozen=True)
class Filmed(Video):
    """A video in a file.

    Attributes:
        path: of the file.
    """

    path: Path


def read_videos(path: Path, skip: bool = False) -> list[Video]:
    r"""The videos of a CSV or TSV file, of a folder of them, or of video files.

    The first line of a table names the columns. The column `label` has what is to be learned; it may be empty, or
    missing in new data. Where there is a column `video`, it tells which frames belong together; else a file is one
    video. All other columns are features, and numbers. Where there are none, `video` has the paths of video files,
    relative to the table, and `frame` the number of a frame from 0 on; frames that are not named have no label.

    Args:
        path: of the table, the folder or the video.
        skip: leave out lines in which something is wrong, with a warning.

    Raises:
        DataError: a file cannot be read, or some lines are something else; it names up to twenty of them.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "clip.csv"
    >>> _ = path.write_text("x,y,label\n0.5,1,rest\n0.75,2,move\n")
    >>> read_videos(path)[0].features.tolist()
    [[0.5, 1.0], [0.75, 2.0]]
    """
    if not path.exists():
        raise DataError(f"there is no file or folder {str(path)!r}; name a table, a video, or a folder of them")
    files = files_below(path)
    tables = [each for each in files if is_table(each) or (not is_film(each) and each == path)]
    faults, found = Faults(path, skip), list[Video]()
    for file in tables or filter(is_film, files):
        try:
            own = of_table(file, skip) if tables else of_film(file)
            if not own:
                raise DataError(f"{str(file)!r} holds no frames; bring a line for each, or a video with some")
            other = unlike(features_of(own[0]), features_of(found[0])) if found else None
            if other is not None:
                raise DataError(f"{other}; name and order them alike")
            found += own
        except DataError as error:
            if file == path:
                raise
            faults.add(file.relative_to(path).as_posix(), str(error))
    faults.check("bring tables, or video files, that can be read")
    if not found:
        raise DataError(f"{str(path)!r} holds no frames; bring a table with a line for each frame, or videos")
    return found


def is_film(path: Path) -> bool:
    """Whether a file is named as a video."""
    return path.suffix.lower() in FILMS


def features_of(video: Video) -> tuple[str, ...]:
    """The features of a video; of a file they are its pixels."""
    return video.columns if isinstance(video, Measured) else ("pixels",)


def of_film(path: Path) -> list[Video]:
    """The video of a file, if it has frames; they have no labels."""
    count = count_frames(path)
    return [Filmed(path.name, ("",) * count, path.name, path)] if count else []


def of_table(path: Path, skip: bool) -> list[Video]:
    """The videos of one table."""
    faults = Faults(path, skip)
    names, lines = named_columns(path, faults, (LABEL, VIDEO, FRAME))
    columns = tuple(each for each in names if each not in (LABEL, VIDEO))
    if set(columns) - {FRAME}:
        return of_features(path, columns, lines, faults)
    if VIDEO not in names:
        raise DataError(
            f"{str(path)!r} has no features in its first line; name a column for each, beside {LABEL!r}, or bring the "
            f"columns {VIDEO!r}, {FRAME!r} and {LABEL!r} for video files"
        )
    return of_films(path, lines, faults)


def of_features(path: Path, columns: tuple[str, ...], lines: Iterator[Line], faults: Faults) -> list[Video]:
    """The videos of a table of features."""
    alone = path.name.partition(".")[0]
    frames: defaultdict[str, list[tuple[list[float], str]]] = defaultdict(list)
    for line in lines:
        name, numbers = line.cells.get(VIDEO, alone), numbers_of(line, columns, faults)
        if not name:
            faults.add(line.number, "no video is named")
        elif numbers is not None:
            frames[name].append((numbers, line.cells.get(LABEL, "")))
    faults.check("bring a number, up to 1e30, in every column but label and video")
    found: list[Video] = []
    for each, own in frames.items():
        rows, labels = zip(*own, strict=True)
        features = torch.tensor(rows, dtype=torch.float64)
        found.append(Measured(each, labels, f"{path.name}: {each}", columns, features))
    return found


def of_films(path: Path, lines: Iterator[Line], faults: Faults) -> list[Video]:
    """The videos that a table names."""
    labels: defaultdict[str, dict[int, str]] = defaultdict(dict)
    counts: dict[str, int] = {}
    for line, cells in lines:
        name, frame = cells[VIDEO], cells.get(FRAME, str(len(labels[cells[VIDEO]])))
        if name not in counts:
            counts[name] = counted(path.parent / name, line, faults)
        if not frame.isdecimal() or int(frame) >= counts[name] > 0:
            faults.add(line, f"{name!r} has no frame {frame!r}, but {counts[name]:,} of them, from 0 on")
        elif int(frame) in labels[name]:
            faults.add(line, f"frame {frame} of {name!r} was named before")
        else:
            labels[name][int(frame)] = cells.get(LABEL, "")
    faults.check("bring video files that can be read, and numbers of frames that they have")
    return [
        Filmed(name, tuple(labels[name].get(n, "") for n in range(count)), f"{path.name}: {name}", path.parent / name)
        for name, count in counts.items()
        if count
    ]


def counted(film: Path, line: int, faults: Faults) -> int:
    """The frames of a video file; 0, and a fault, if it cannot be read."""
    try:
        if not film.is_file():
            raise DataError(f"there is no file {str(film)!r}")
        count = count_frames(film)
        if count == 0:
            raise DataError(f"{str(film)!r} has no frames")
    except DataError as error:
        faults.add(line, str(error))
        return 0
    return count
