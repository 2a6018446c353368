"""Reading images of lines with their texts, as Kraken, OCRopus and tesstrain keep them."""

from __future__ import annotations

from pathlib import Path

from ...errors import DataError
from ..faults import Faults
from ..files import files_below, read_file
from ..transcripts import Signal, composed

IMAGES = {".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp", ".webp", ".pgm"}
TEXT = ".gt.txt"
LEAST = 4
"""Pixels that a line must be high."""


def read_lines(path: Path, skip: bool = False) -> list[Signal]:
    """The images of a folder, or of one file, with the texts that lie beside them.

    A text has the name of its image up to one of its dots, and the ending `.gt.txt`; in new data it may be missing. The
    length of a line is its width by its height.

    Args:
        path: of the folder or the image.
        skip: leave out images with which something is wrong, with a warning.

    Raises:
        DataError: there is no image, a text has none, or some cannot be read; it names up to twenty of them.

    >>> import tempfile
    >>> from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> Image.new("L", (60, 20)).save(folder / "0001.nrm.png")
    >>> _ = (folder / "0001.gt.txt").write_text("In the beginning")
    >>> [line] = read_lines(folder)
    >>> line.transcript, line.length
    ('In the beginning', 3.0)
    """
    if not path.exists():
        raise DataError(f"there is no file or folder {str(path)!r}; name a folder of images, or one of them")
    files = files_below(path)
    images = [each for each in files if each.suffix.lower() in IMAGES]
    if not images:
        raise DataError(
            f"{str(path)!r} holds no image of a line; bring images, each with its text beside it in NAME{TEXT}"
        )
    from PIL import Image

    faults, found = Faults(path, skip), []
    for each in images:
        text, place = text_of(each), each.relative_to(path).as_posix() if path.is_dir() else each.name
        try:
            transcript = composed(read_file(text)) if text.is_file() else None
            found.append(Signal(each, transcript, shape(each)))
        except (DataError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            faults.add(place, str(error))
    known = {text_of(each) for each in images}
    for each in files:
        if each.name.endswith(TEXT) and each not in known:
            faults.add(each.relative_to(path).as_posix(), "there is no image of this text")
    faults.check(f"bring images that can be read, each with its text in NAME{TEXT}")
    return found


def text_of(image: Path) -> Path:
    """Where the text of an image lies: under the longest of its names that has one."""
    parts = image.name.split(".")
    places = [image.with_name(".".join(parts[:count]) + TEXT) for count in range(len(parts) - 1, 0, -1)]
    return next((place for place in places if place.is_file()), places[-1])


def shape(image: Path) -> float:
    """How many times as wide as high an image is.

    Raises:
        OSError: it is no image, or damaged.
        DataError: it is no line.
    """
    from PIL import Image

    if image.stat().st_size == 0:
        raise DataError("is empty")
    with Image.open(image) as opened:
        opened.load()
        width, height = opened.size
    if height < LEAST:
        raise DataError(f"is {height} pixels high, and must be at least {LEAST}")
    return width / height
