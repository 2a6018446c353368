"""Images of digits, read row by row or pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ...errors import DataError
from ..batches import IGNORED
from ..files import read_bytes
from .drawn import MemoryBatch

CLASSES, SIDE = 10, 28
BYTES = 0x08  # the code of unsigned bytes in the IDX format
WATCHED = 5_000
"""The last images to learn from, which are watched instead."""


@dataclass(frozen=True)
class Digits:
    """Images, and the digits on them.

    Attributes:
        images: uint8 `[N, 28, 28]`.
        labels: int64 `[N]`.
        test_images, test_labels: the same, of the part for the final figures.
    """

    images: Tensor
    labels: Tensor
    test_images: Tensor
    test_labels: Tensor


def read_digits(folder: Path) -> Digits:
    """The four files of MNIST (LeCun et al., 1998), or of a set in its format, compressed or not.

    Raises:
        DataError: one is missing or damaged.
    """
    names = (f"{part}-{kind}" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))
    images, labels, test_images, test_labels = (read_idx(folder, name) for name in names)
    for name, some, others in (("train", images, labels), ("t10k", test_images, test_labels)):
        whole = 0 < len(some) == len(others) and list(some.shape[1:]) == [SIDE, SIDE]
        if not whole or int(others.max()) >= CLASSES:
            raise DataError(
                f"{str(folder)!r} must have images of {SIDE} x {SIDE} and digits from 0 to 9, but {name} has "
                f"{len(some):,} of {list(some.shape[1:])} and {len(others):,} labels; bring the whole files"
            )
    if len(images) <= WATCHED:
        raise DataError(f"there must be more than {WATCHED:,} images to learn from, but there are {len(images):,}")
    return Digits(images, labels.long(), test_images, test_labels.long())


def read_idx(folder: Path, name: str) -> Tensor:
    """The bytes of an IDX file, in their shape."""
    path = next(iter(sorted(folder.glob(f"{name}-ubyte*"))), folder / f"{name}-ubyte.gz")
    content = read_bytes(path)
    dimensions = content[3] if len(content) > 3 and content[:3] == bytes([0, 0, BYTES]) else 0
    shape = [int.from_bytes(content[4 * n : 4 * n + 4], "big") for n in range(1, 1 + dimensions)]
    start = 4 + 4 * dimensions
    if not dimensions or len(content) - start != int(np.prod(shape)):
        raise DataError(f"{str(path)!r} must be a whole IDX file of bytes, but is not; bring it again")
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy())


def images_as_batch(images: Tensor, labels: Tensor, by: str) -> MemoryBatch:
    """Images as sequences, with the digit asked for at the end."""
    pixels = images.float() / 255
    inputs = avg_pool2d(pixels[:, None], 2).flatten(1)[..., None] if by == "pixels" else pixels
    targets = torch.full(inputs.shape[:2], IGNORED)
    targets[:, -1] = labels
    return MemoryBatch(inputs, torch.full((len(images),), inputs.shape[1]), targets, torch.empty(0))
