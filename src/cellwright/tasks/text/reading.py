"""Reading a text file, or a folder of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from ...errors import DataError
from ..faults import Faults
from ..files import files_below, text_pieces

SHORT = 1 << 26
"""Characters of a text that is kept in memory; a longer one is read again, piece by piece, whenever it is needed."""


@dataclass(frozen=True)
class LongText:
    """A part of a text that stays in its files.

    Attributes:
        files: in their order; they are joined by a line feed.
        first, end: which of all characters belong to it.
    """

    files: tuple[Path, ...]
    first: int
    end: int

    def __len__(self) -> int:
        return self.end - self.first

    def part(self, first: int, end: int) -> LongText:
        """Some of its characters."""
        return LongText(self.files, self.first + first, self.first + end)

    def pieces(self) -> Iterator[str]:
        """The text, piece by piece."""
        place = 0
        for number, path in enumerate(self.files):
            for piece in chain(["\n"] if number else [], text_pieces(path)):
                found = piece[max(0, self.first - place) : max(0, self.end - place)]
                place += len(piece)
                if found:
                    yield found


Text = str | LongText


def pieces(text: Text) -> Iterator[str]:
    """A text piece by piece; a short one is one piece."""
    return iter([text]) if isinstance(text, str) else text.pieces()


def part(text: Text, first: int, end: int) -> Text:
    """Some of the characters of a text."""
    return text[first:end] if isinstance(text, str) else text.part(first, end)


def read_text(path: Path, skip: bool = False) -> Text:
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
    faults, files, length, empty = Faults(path, skip), [], 0, True
    for each in files_below(path):
        try:
            own = [(len(piece), not piece.strip()) for piece in text_pieces(each)]
            files.append(each)
            length += sum(count for count, _ in own)
            empty = empty and all(blank for _, blank in own)
        except DataError as error:
            if not path.is_dir():
                raise
            faults.add(each.relative_to(path).as_posix(), str(error))
    faults.check("bring UTF-8 texts")
    if empty:
        raise DataError(f"{str(path)!r} holds no text; name a file with something to learn from")
    found = LongText(tuple(files), 0, length + len(files) - 1)
    return "".join(found.pieces()) if len(found) <= SHORT else found
