"""Reading the text files that users bring: plain or compressed, as Unicode."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from ..errors import DataError

CHUNK = 1 << 22
"""Bytes that are read at once."""
WIDE_MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
COMPRESSED: dict[str, Callable[[Path], IO[bytes]]] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}  # type: ignore[dict-item]


def files_below(path: Path) -> list[Path]:
    """The file itself, or every file below a folder that is not hidden, nor in a hidden folder, by their paths."""
    if not path.is_dir():
        return [path]
    below = sorted(path.rglob("*"))
    return [
        each
        for each in below
        if each.is_file() and not any(part.startswith(".") for part in each.relative_to(path).parts)
    ]


def read_file(path: Path) -> str:
    r"""The text of one UTF-8 file; `.gz`, `.xz` and `.bz2` are unpacked.

    Lines end in a line feed, whatever the file has; a byte order mark is dropped.

    Raises:
        DataError: there is no such file, it cannot be read, it is binary, damaged, or not UTF-8.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "lines.txt.gz"
    >>> _ = path.write_bytes(gzip.compress(b"one\r\ntwo"))
    >>> read_file(path)
    'one\ntwo'
    """
    return "".join(text_pieces(path))


def text_pieces(path: Path) -> Iterator[str]:
    """The same, piece by piece, so that a file may be larger than the memory.

    Raises:
        DataError: as `read_file`.
    """
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8-sig")(), translate=True)
    place, line = 0, 1
    for chunk in byte_chunks(path):
        check_encoding(path, chunk, place)
        place += len(chunk)
        try:
            yield decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            offset = place - len(error.object) + error.start
            raise DataError(
                f"{str(path)!r} must be UTF-8, but byte 0x{error.object[error.start]:02x} at offset {offset} (line "
                f"{line + error.object.count(10, 0, error.start)}) is not; convert it, for example: iconv -f LATIN1 "
                "-t UTF-8"
            ) from error
        line += chunk.count(b"\n")


def text_lines(path: Path) -> Iterator[str]:
    """The lines of a file, each with its line feed.

    Raises:
        DataError: as `read_file`.
    """
    rest = ""
    for piece in text_pieces(path):
        *whole, rest = (rest + piece).split("\n")
        yield from (f"{line}\n" for line in whole)
    if rest:
        yield rest


def read_bytes(path: Path) -> bytes:
    """The content of a file, unpacked.

    Raises:
        DataError: it is not there, cannot be read, or is damaged.
    """
    return b"".join(byte_chunks(path))


def byte_chunks(path: Path) -> Iterator[bytes]:
    """The same, a chunk after the other; the last one is empty."""
    if not path.is_file():
        raise DataError(f"there is no file {str(path)!r}; check the path")
    try:
        with COMPRESSED.get(path.suffix, plain)(path) as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{str(path)!r} cannot be unpacked: {error}; bring the whole file") from error
    except OSError as error:
        raise DataError(
            f"{str(path)!r} cannot be read: {error.strerror or error}; check the path and its rights"
        ) from error
    yield b""


def plain(path: Path) -> IO[bytes]:
    """An uncompressed file, opened."""
    return path.open("rb")


def check_encoding(path: Path, chunk: bytes, place: int) -> None:
    """Refuse what is no UTF-8 text, although its bytes might decode; a chunk that begins at a place of the file."""
    wide = WIDE_MARKS.get(chunk[:2]) if place == 0 else None
    if wide:
        raise DataError(
            f"{str(path)!r} must be UTF-8, but begins with the mark of {wide}; convert it: iconv -f {wide} -t UTF-8"
        )
    zero = chunk.find(0)
    if zero >= 0:
        raise DataError(
            f"{str(path)!r} must be text, but is binary (byte 0 at offset {place + zero}); name a UTF-8 text file"
        )
