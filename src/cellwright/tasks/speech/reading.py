"""Reading recordings with their transcripts: a table of paths, a folder, or one recording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...errors import DataError
from ..faults import Faults
from ..tables import two_columns
from ..transcripts import Signal, composed

AUDIO = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".au", ".sph"}
UNKNOWN_SIZE = 0xFFFFFFFF
"""What a WAV file that was written as a stream has for its size."""


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
        files = [each for each in sorted(path.rglob("*")) if each.suffix.lower() in AUDIO]
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

    if not path.is_file():
        raise Unusable(f"there is no file {str(path)!r}")
    content = path.stat().st_size
    if content == 0:
        raise Unusable(f"{str(path)!r} is empty")
    with path.open("rb") as file:
        head = file.read(8)
    promised = int.from_bytes(head[4:8], "little")
    if head[:4] == b"RIFF" and promised != UNKNOWN_SIZE and promised + len(head) > content:
        raise Unusable(f"{str(path)!r} is cut off: {content:,} of {promised + len(head):,} bytes are there")
    try:
        with soundfile.SoundFile(path) as opened:
            if opened.frames == 0:
                raise Unusable(f"{str(path)!r} has no samples")
            if rate is not None and opened.samplerate != rate:
                raise Unusable(f"{str(path)!r} has {opened.samplerate:,} samples per second, not {rate:,}")
            if not any(block.any() for block in opened.blocks(opened.samplerate)):
                raise Unusable(f"{str(path)!r} is silent")
            return Recording(path, transcript, opened.frames / opened.samplerate, opened.samplerate)
    except soundfile.LibsndfileError as error:
        raise Unusable(f"{str(path)!r} cannot be read as a recording: {error.error_string.rstrip('.')}") from error
