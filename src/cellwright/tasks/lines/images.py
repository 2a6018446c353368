"""Images of lines as numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from PIL.Image import Image

PAPER, INK = 95, 1
"""Percentiles of brightness that are taken for paper and for ink."""


class Ink:
    """The ink of a line, scaled to one height: 0 is paper, 255 is ink.

    Args:
        height: of all lines.

    >>> import tempfile
    >>> from PIL import Image
    >>> path = Path(tempfile.mkdtemp()) / "line.png"
    >>> Image.fromarray(np.uint8([[250, 250, 10, 250]] * 2)).save(path)
    >>> Ink(height=2)(path).tolist()
    [[0, 0], [0, 0], [255, 255], [0, 0]]
    """

    def __init__(self, height: int) -> None:
        self.height = height

    def __call__(self, path: Path) -> Tensor:
        """The columns of an image from left to right, uint8 `[width, height]`."""
        from PIL import Image

        with Image.open(path) as image:
            grey = in_grey(image)
            size = (columns(grey.width / grey.height, self.height), self.height)
            pixels = np.asarray(grey.resize(size, Image.Resampling.LANCZOS), np.float32)
        paper, ink = np.percentile(pixels, (PAPER, INK))
        amount = (paper - pixels) / max(paper - ink, 1.0)
        return torch.from_numpy(np.uint8(255 * amount.clip(0, 1)).T.copy())


def in_grey(image: Image) -> Image:
    """An image with one brightness, from 0 to 255, for each pixel; what is transparent is white."""
    from PIL import Image as images

    if image.has_transparency_data:
        layers = image.convert("RGBA")
        white = images.new("RGBA", image.size, "white")
        return images.alpha_composite(white, layers).convert("L")
    if image.mode.startswith(("I", "F")):
        levels = np.asarray(image, np.float32)
        low, high = float(levels.min()), float(levels.max())
        return images.fromarray(np.uint8(255 * (levels - low) / max(high - low, 1.0)))
    return image.convert("L")


def columns(shape: float, height: int) -> int:
    """How many columns an image has that is `shape` times as wide as high.

    >>> columns(2.5, height=48)
    120
    """
    return max(1, round(shape * height))
