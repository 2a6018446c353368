"""Video files: reading and writing their frames."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...errors import DataError

FILMS = {".mp4", ".mkv", ".avi", ".mov", ".webm", ".mpg", ".mpeg", ".m4v", ".gif"}
RATE = 10
"""Frames per second of what is written."""
LATE = 2
"""Frames by which a film may end sooner than it says, for rounding."""


def count_frames(path: Path) -> int:
    """How many frames a video has; they are not decoded.

    Raises:
        DataError: it is no video, damaged, or shorter than it says.
    """
    import av

    frames, pieces, end = 0, 0, Fraction(0)
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            for packet in container.demux(stream):
                if packet.pts is not None and packet.time_base is not None:
                    end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
                pieces += packet.dts is not None or packet.size > 0
                frames += packet.size > 0
            said, rate = seconds_of(stream.metadata.get("DURATION", "")), stream.average_rate or RATE
            if pieces < stream.frames or said - end > LATE / rate:
                raise DataError(f"{str(path)!r} is cut off after {frames:,} frames; bring the whole file")
            return frames
    except (av.FFmpegError, IndexError) as error:
        reason = getattr(error, "strerror", None) or "it has no frames"
        raise DataError(f"{str(path)!r} cannot be read as a video: {reason}") from error


def seconds_of(duration: str) -> Fraction:
    """The seconds that a duration of Matroska means; 0 if it means none.

    >>> seconds_of("00:01:02.500000000")
    Fraction(125, 2)
    """
    found = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", duration)
    return 3600 * int(found[1]) + 60 * int(found[2]) + Fraction(found[3]) if found else Fraction(0)


def decoded(path: Path, size: int) -> Tensor:
    """The brightness of the frames of a video, scaled to a square: uint8 `[T, size, size]`.

    Raises:
        DataError: it is damaged, or there is none.
    """
    import av

    try:
        with av.open(str(path)) as container:
            frames = [
                each.reformat(width=size, height=size, format="gray").to_ndarray() for each in container.decode(video=0)
            ]
    except av.FFmpegError as error:
        raise DataError(f"{str(path)!r} cannot be decoded: {error.strerror}; mend it: ffmpeg -i IN OUT.mkv") from error
    if not frames:
        raise DataError(f"{str(path)!r} has no frames that can be decoded; bring the whole file")
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
