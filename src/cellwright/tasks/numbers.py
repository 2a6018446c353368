"""Numbers that are collected one after the other, in memory while they are few, else in a file that vanishes."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterable
from typing import IO, Literal

import numpy as np
import torch
from torch import Tensor

FEW = 1 << 23
"""Numbers that are kept in memory; of more, all are written to a file."""
KINDS = {"d": np.float64, "q": np.int64, "i": np.int32}


class Numbers:
    """A tensor in the making.

    Args:
        kind: float64 (d), int64 (q) or int32 (i).
        few: how many are kept in memory.

    >>> numbers = Numbers("d")
    >>> numbers.extend([1.0, 2.0]); numbers.extend([3.0])
    >>> numbers.tensor()
    tensor([1., 2., 3.], dtype=torch.float64)
    """

    def __init__(self, kind: Literal["d", "q", "i"], few: int = FEW) -> None:
        self.kind, self.few = kind, few
        self.waiting: array[float] | array[int] = array(kind)
        self.file: IO[bytes] | None = None

    def extend(self, numbers: Iterable[float] | Iterable[int] | np.ndarray) -> None:
        """Add some; an array must be of the same kind."""
        if isinstance(numbers, np.ndarray):
            self.waiting.frombytes(numbers.astype(KINDS[self.kind], copy=False).tobytes())
        else:
            self.waiting.extend(numbers)  # type: ignore[arg-type]
        if len(self.waiting) > self.few:
            self.file = self.file or tempfile.TemporaryFile()  # noqa: SIM115  # it is there as long as they are
            self.waiting.tofile(self.file)
            del self.waiting[:]

    def tensor(self) -> Tensor:
        """All of them; in a file, if there are many, which vanishes with the tensor."""
        if self.file is None:
            return torch.from_numpy(np.array(self.waiting, KINDS[self.kind]))
        with self.file as file:
            self.waiting.tofile(file)
            file.flush()
            # Copy on write: PyTorch takes only what may be written.
            return torch.from_numpy(np.memmap(file, dtype=KINDS[self.kind], mode="c"))
