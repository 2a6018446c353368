"""Writing a file so that it is there whole, or as it was before."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import RunError


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file's content, all or nothing, also if the power fails in between.

    Raises:
        RunError: it cannot be written, because the disk is full, say; what was there before is intact.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "note.txt"
    >>> write_whole(path, b"first"); write_whole(path, b"second"); path.read_bytes()
    b'second'
    """
    with replacing(path) as file:
        file.write(content)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of a path when all is written, as `write_whole` does; a device is written to."""
    plain = path.is_file() or not path.exists()
    place = path.with_name(f".{path.name}.part") if plain else path
    try:
        with place.open("wb") as file:
            yield file
            if plain:
                file.flush()
                os.fsync(file.fileno())
                place.replace(path)
    except BaseException as error:
        if plain:
            with contextlib.suppress(OSError):
                place.unlink()
        if isinstance(error, OSError):
            raise unwritable(path, error) from error
        raise


def unwritable(path: Path, error: OSError) -> RunError:
    """What to say when a file cannot be written."""
    return RunError(
        f"{str(path)!r} cannot be written: {error.strerror}; make room or mend its rights: what was there before is "
        "intact"
    )
