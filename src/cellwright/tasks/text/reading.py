"""Reading a text file, or a folder of them."""

from __future__ import annotations

from pathlib import Path

from ...errors import DataError
from ..faults import Faults
from ..files import read_file


def read_text(path: Path, skip: bool = False) -> str:
    r"""The text of a UTF-8 file, or of all files of a folder, in the order of their paths.

    A folder's files are joined by a line feed, and its hidden files are left out.

    Args:
        path: of the file or folder.
        skip: leave out files that cannot be read, with a warning.

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
    faults, texts = Faults(path, skip), []
    for each in text_files(path):
        try:
            texts.append(read_file(each))
        except DataError as error:
            if not path.is_dir():
                raise
            faults.add(each.relative_to(path).as_posix(), str(error))
    faults.check("bring UTF-8 texts")
    text = "\n".join(texts)
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
