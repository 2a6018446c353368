"""Frames: a label for every frame of a video, or for every step of any measured sequence."""

from ..task import Family
from .reading import Video, read_videos
from .settings import FrameSettings
from .task import FrameTask, Framing

FRAMES = Family(
    name="frames",
    about="Train a network that labels every frame: of videos, by features of frames, or of any measured sequence.",
    data="a CSV or TSV file with features and a label for each frame, or a folder of them, one for each video",
    example="clips/",
    settings=FrameSettings,
    read=read_videos,
    task=FrameTask,
    open=Framing.open,
    following="predict {run} NEW-CLIP.csv",
)

__all__ = ["FRAMES", "FrameSettings", "FrameTask", "Framing", "Video", "read_videos"]
