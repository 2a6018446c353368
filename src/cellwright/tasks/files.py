"""Reading the text files that users bring: plain or compressed, as Unicode."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

from ..errors import DataError

WIDE_MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
COMPRESSED: dict[str, Callable[[Path], IO[bytes]]] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}  # type: ignore[dict-item]


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
    content = read_bytes(path)
    check_encoding(path, content)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{str(path)!r} must be UTF-8, but byte 0x{content[error.start]:02x} at offset {error.start} (line {line}) "
            "is not; convert it, for example: iconv -f LATIN1 -t UTF-8"
        ) from error
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def read_bytes(path: Path) -> bytes:
    """The content of a file, unpacked.

    Raises:
        DataError: it is not there, cannot be read, or is damaged.
    """
    if not path.is_file():
        raise DataError(f"there is no file {str(path)!r}; check the path")
    try:
        with COMPRESSED.get(path.suffix, plain)(path) as file:
            return file.read()
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{str(path)!r} cannot be unpacked: {error}; bring the whole file") from error
    except OSError as error:
        raise DataError(
            f"{str(path)!r} cannot be read: {error.strerror or error}; check the path and its rights"
        ) from error


def plain(path: Path) -> IO[bytes]:
    """An uncompressed file, opened."""
    return path.open("rb")


def check_encoding(path: Path, content: bytes) -> None:
    """Refuse what is no UTF-8 text, although its bytes might decode."""
    wide = WIDE_MARKS.get(content[:2])
    if wide:
        raise DataError(
            f"{str(path)!r} must be UTF-8, but begins with the mark of {wide}; convert it: iconv -f {wide} -t UTF-8"
        )
    zero = content.find(0)
    if zero >= 0:
        raise DataError(f"{str(path)!r} must be text, but is binary (byte 0 at offset {zero}); name a UTF-8 text file")
