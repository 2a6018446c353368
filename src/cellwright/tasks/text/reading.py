"""Reading a text file, or a folder of them, as Unicode."""

from __future__ import annotations

import codecs
from pathlib import Path

from ...errors import DataError

WIDE_MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


def read_text(path: Path) -> str:
    r"""The text of a UTF-8 file, or of all files of a folder, in the order of their paths.

    Lines end in a line feed, whatever the file has; a byte order mark is dropped; a folder's files
    are joined by a line feed, and its hidden files are left out.

    Raises:
        DataError: there is no such file, it cannot be read, it is empty, binary, or not UTF-8.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.txt").write_bytes(b"one\r\n"), (folder / "b.txt").write_bytes(b"two")
    >>> read_text(folder)
    'one\n\ntwo'
    """
    if not path.exists():
        raise DataError(f"there is no file or folder {str(path)!r}; name a text file, or a folder of them")
    text = "\n".join(read_file(each) for each in text_files(path))
    if not text.strip():
        raise DataError(f"{str(path)!r} holds no text; name a file with something to learn from")
    return text


def text_files(path: Path) -> list[Path]:
    """The file itself, or every file below a folder that is not hidden."""
    if not path.is_dir():
        return [path]
    below = sorted(path.rglob("*"))
    return [
        each
        for each in below
        if each.is_file() and not any(part.startswith(".") for part in each.relative_to(path).parts)
    ]


def read_file(path: Path) -> str:
    """The text of one UTF-8 file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{str(path)!r} cannot be read: {error.strerror}; check the path and its rights") from error
    check_encoding(path, content)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{str(path)!r} must be UTF-8, but byte 0x{content[error.start]:02x} at offset {error.start} is "
            "not; convert it, for example: iconv -f LATIN1 -t UTF-8"
        ) from error
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


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
