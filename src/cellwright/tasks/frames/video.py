"""Video files: reading and writing their frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...errors import DataError

FILMS = {".mp4", ".mkv", ".avi", ".mov", ".webm", ".mpg", ".mpeg", ".m4v", ".gif"}
RATE = 10
"""Frames per second of what is written."""


def count_frames(path: Path) -> int:
    """How many frames a video has; they are not decoded.

    Raises:
        DataError: it is no video, or damaged.
    """
    import av

    try:
        with av.open(str(path)) as container:
            return sum(packet.size > 0 for packet in container.demux(video=0))
    except (av.FFmpegError, IndexError) as error:
        reason = getattr(error, "strerror", None) or "it has no frames"
        raise DataError(f"{str(path)!r} cannot be read as a video: {reason}") from error


def decoded(path: Path, size: int) -> Tensor:
    """The brightness of the frames of a video, scaled to a square: uint8 `[T, size, size]`.

    Raises:
        DataError: it is damaged.
    """
    import av

    try:
        with av.open(str(path)) as container:
            frames = [
                each.reformat(width=size, height=size, format="gray").to_ndarray() for each in container.decode(video=0)
            ]
    except av.FFmpegError as error:
        raise DataError(f"{str(path)!r} cannot be decoded: {error.strerror}; mend it: ffmpeg -i IN OUT.mkv") from error
    return torch.from_numpy(np.stack(frames))


def write_film(path: Path, frames: np.ndarray) -> None:
    """Write frames without loss (FFV1 in Matroska).

    Args:
        path: `.mkv`.
        frames: brightness, uint8 `[T, height, width]`.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "film.mkv"
    >>> frames = np.random.default_rng(1).integers(0, 256, (3, 16, 16), np.uint8)
    >>> write_film(path, frames)
    >>> count_frames(path), bool((decoded(path, size=16).numpy() == frames).all())
    (3, True)
    """
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "gray"
        for each in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(each, format="gray")))
        container.mux(stream.encode())
