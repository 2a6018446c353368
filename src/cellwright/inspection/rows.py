"""Rows of numbers that are collected block by block: in memory while they are few, else in a file that vanishes."""

from __future__ import annotations

import tempfile
from functools import cached_property
from typing import IO

import numpy as np

FEW = 1 << 26
"""Bytes that are kept in memory; of more, all are written to a file."""


class Rows:
    """An array in the making.

    Args:
        dtype: of its numbers.

    >>> rows = Rows(np.float32)
    >>> rows.extend(np.zeros((2, 3))); rows.extend(np.ones((1, 3)))
    >>> rows.array.shape
    (3, 3)
    """

    def __init__(self, dtype: type[np.generic]) -> None:
        self.dtype = np.dtype(dtype)
        self.waiting: list[np.ndarray] = []
        self.count, self.width, self.held = 0, 0, 0
        self.file: IO[bytes] | None = None

    def extend(self, rows: np.ndarray) -> None:
        """Add some, `[n, width]`."""
        self.waiting.append(np.array(rows, self.dtype, order="C"))  # a copy: the model may write over what it was given
        self.held += self.waiting[-1].nbytes
        self.count, self.width = self.count + len(rows), rows.shape[1]
        if self.held > FEW:
            self.file = self.file or tempfile.TemporaryFile()  # noqa: SIM115  # it is there as long as they are
            self.flush(self.file)

    def flush(self, file: IO[bytes]) -> None:
        """Write what waits."""
        for each in self.waiting:
            file.write(each.tobytes())
        file.flush()
        self.waiting.clear()
        self.held = 0

    @cached_property
    def array(self) -> np.ndarray:
        """All of them, `[count, width]`; from then on there can be no more."""
        if self.file is None:
            parts = self.waiting or [np.empty((0, self.width), self.dtype)]
            return parts[0] if len(parts) == 1 else np.concatenate(parts)
        with self.file as file:
            self.flush(file)
            # Copy on write: PyTorch takes only what may be written.
            return np.memmap(file, self.dtype, "c", shape=(self.count, self.width))
