"""What is read of files, kept in memory as far as there is room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import Tensor

ROOM = 1 << 30
"""Bytes that are kept; what goes beyond is read again each time."""


class Kept:
    """The tensors of files.

    Args:
        made: reads one.
        room: bytes to keep.

    >>> import torch
    >>> kept = Kept(lambda path: torch.zeros(4), room=16)
    >>> first, second = Path("first"), Path("second")
    >>> kept[first] is kept[first], kept[second] is kept[second]  # there is room for one
    (True, False)
    """

    def __init__(self, made: Callable[[Path], Tensor], room: int = ROOM) -> None:
        self.made = made
        self.room = room
        self.found: dict[Path, Tensor] = {}

    def __getitem__(self, path: Path) -> Tensor:
        if path in self.found:
            return self.found[path]
        found = self.made(path)
        size = found.numel() * found.element_size()
        if size <= self.room:
            self.room -= size
            self.found[path] = found
        return found
