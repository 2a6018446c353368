"""Reading recordings with their transcripts: a table of paths, a folder, or one recording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ...errors import DataError
from ..faults import Faults, brief
from ..files import files_below
from ..tables import two_columns
from ..transcripts import Signal, composed

AUDIO = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".au", ".sph"}
UNKNOWN_SIZE = 0xFFFFFFFF
"""What a WAV file that was written as a stream has for its size."""
ORDERS: dict[bytes, Literal["little", "big"]] = {b"RIFF": "little", b"FORM": "big"}
"""How WAV and AIFF begin, and in which order the bytes of the size behind that are."""
PAGE, LARGEST_PAGE, KIND, LAST_PAGE, PARTS = b"OggS", 65_307, 5, 0x04, 26
"""How a page of an Ogg file begins, its most bytes, where its kind is, what the last one has there, and where the
number of its parts is, behind which are their lengths (RFC 3533)."""
WITH_NAN = {"FLOAT", "DOUBLE"}


@dataclass(frozen=True)
class Recording(Signal):
    """What was recorded, and what is said in it; the length is in seconds.

    Attributes:
        rate: samples per second.
    """

    rate: int


class Unusable(Exception):
    """A recording from which nothing can be learned; it says why."""


def read_recordings(path: Path, skip: bool = False) -> list[Recording]:
    r"""The recordings of a table, of a folder, or of one file; of a table with their transcripts.

    A table is CSV or TSV and has the columns path and transcript, in this order or under these names in its first line;
    paths are relative to it. In new data the transcript may be missing. Of the recordings themselves only the
    beginnings are read here.

    Args:
        path: of the table, the folder or the recording.
        skip: leave out recordings with which something is wrong, with a warning.

    Raises:
        DataError: a file cannot be read, or some lines or recordings are unusable; it names up to twenty of them.

    >>> import tempfile
    >>> import numpy as np, soundfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> soundfile.write(folder / "a.flac", np.sin(np.arange(1600) * 0.7), 8000)
    >>> _ = (folder / "table.csv").write_text("path,transcript\na.flac,one two\n")
    >>> [recording] = read_recordings(folder / "table.csv")
    >>> recording.transcript, recording.length
    ('one two', 0.2)
    """
    if not path.exists():
        raise DataError(
            f"there is no file or folder {str(path)!r}; name a table of recordings, a folder, or one of them"
        )
    faults = Faults(path, skip)
    rows: list[tuple[int | str, Path, str | None]]
    if path.is_dir():
        files = [each for each in files_below(path) if each.suffix.lower() in AUDIO]
        rows = [(each.relative_to(path).as_posix(), each, None) for each in files]
    elif path.suffix.lower() in AUDIO:
        rows = [(path.name, path, None)]
    else:
        table = two_columns(path, "path", "transcript", faults)
        rows = [(row.line, path.parent / row.read, composed(row.found) or None) for row in table]
    found: list[Recording] = []
    for place, each, transcript in rows:
        try:
            found.append(recording(each, transcript, found[0].rate if found else None))
        except Unusable as error:
            faults.add(place, str(error))
    faults.check("bring the path of a recording and its transcript on each line")
    if not found:
        raise DataError(f"{str(path)!r} holds no recording; bring the path of one and its transcript on each line")
    return found


def recording(path: Path, transcript: str | None, rate: int | None) -> Recording:
    """One recording; its samples per second must be these, if they are known."""
    import soundfile

    try:
        content = path.stat().st_size if path.is_file() else None
    except OSError:  # a name that is too long, say
        content = None
    if content is None:
        raise Unusable(f"there is no file {brief(str(path))}")
    if content == 0:
        raise Unusable(f"{str(path)!r} is empty")
    must_be_whole(path, content)
    try:
        with soundfile.SoundFile(path) as opened:
            if opened.frames == 0:
                raise Unusable(f"{str(path)!r} has no samples")
            if rate is not None and opened.samplerate != rate:
                raise Unusable(f"{str(path)!r} has {opened.samplerate:,} samples per second, not {rate:,}")
            if not any(block.any() for block in opened.blocks(opened.samplerate)):
                raise Unusable(f"{str(path)!r} is silent")
            if opened.format != "MP3":  # whose length is a guess, at times
                opened.seek(opened.frames - 1)
                if not len(opened.read(1)):
                    raise Unusable(f"{str(path)!r} is cut off")
                opened.seek(0)
            if opened.subtype in WITH_NAN and any(np.isnan(block).any() for block in opened.blocks(opened.samplerate)):
                raise Unusable(f"{str(path)!r} has samples that are no numbers")
            return Recording(path, transcript, opened.frames / opened.samplerate, opened.samplerate)
    except (soundfile.LibsndfileError, TypeError) as error:
        reason = getattr(error, "error_string", str(error)).rstrip(".")
        raise Unusable(f"{str(path)!r} cannot be read as a recording: {reason}") from error


def must_be_whole(path: Path, size: int) -> None:
    """Refuse a file that ends sooner than it says, where its reader would not notice: WAV, AIFF and Ogg.

    Args:
        path: of the file.
        size: of it, bytes.

    Raises:
        Unusable: it is cut off.
    """
    with path.open("rb") as file:
        head = file.read(8)
        file.seek(max(0, size - LARGEST_PAGE))
        end = file.read()
    if head[:4] in ORDERS:
        promised = int.from_bytes(head[4:8], ORDERS[head[:4]])
        if promised != UNKNOWN_SIZE and promised + len(head) > size:
            raise Unusable(f"{str(path)!r} is cut off: {size:,} of {promised + len(head):,} bytes are there")
    if head[:4] == PAGE:
        last = end[end.rfind(PAGE) :]
        parts = last[PARTS + 1 : PARTS + 1 + last[PARTS]] if len(last) > PARTS else b""
        if not parts or not last[KIND] & LAST_PAGE or len(last) < PARTS + 1 + len(parts) + sum(parts):
            raise Unusable(f"{str(path)!r} is cut off")
