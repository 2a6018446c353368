"""Writing tables for the command line."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path


def write_table(path: Path, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A CSV file with a heading."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(heading)
        writer.writerows(rows)


def lines_of(path: Path) -> list[str]:
    """The lines of a text, compressed or not; only a line feed ends one."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
