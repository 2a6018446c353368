"""Frames: a label for every frame of a video, or for every step of any measured sequence."""

from __future__ import annotations

from ..symbols import has_table
from ..task import Family, Files, Parts
from .features import FeatureTask, Framing
from .pixels import Watching, WatchTask
from .problem import FRAMES_FILE
from .reading import Filmed, Measured, Video, read_videos
from .settings import FrameSettings


def task(parts: Parts, settings: FrameSettings, files: Files | None = None) -> FeatureTask | WatchTask:
    """By pixels where there are video files, else by features."""
    return (WatchTask if isinstance(parts.learned[0], Filmed) else FeatureTask)(parts, settings, files)


def open_problem(settings: FrameSettings, files: Files) -> Framing | Watching:
    """The problem of a run."""
    return (Framing if has_table(files(FRAMES_FILE), "columns") else Watching).open(settings, files)


FRAMES = Family(
    name="frames",
    about="Train a network that labels every frame: of videos, by features of frames, or of any measured sequence.",
    data="a CSV or TSV file with a label for each frame and its features or its video file, or a folder of such files",
    example="clips/",
    settings=FrameSettings,
    read=read_videos,
    task=task,
    open=open_problem,
    following="predict {run} NEW-CLIP.csv",
)

__all__ = ["FRAMES", "Filmed", "FrameSettings", "Framing", "Measured", "Video", "Watching", "read_videos"]
