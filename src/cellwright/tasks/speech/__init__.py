"""Speech: what is said in recordings."""

from __future__ import annotations

from ..task import Family, Files, Parts
from .naming import Naming, NamingTask
from .reading import read_recordings
from .settings import SpeechSettings
from .transcribing import SpeechTask, SpeechTranscribing


def task(parts: Parts, settings: SpeechSettings, files: Files | None = None) -> SpeechTask | NamingTask:
    """To transcribe, or to tell whole transcripts apart, by the settings."""
    return (NamingTask if settings.unit == "whole" else SpeechTask)(parts, settings, files)


def problem(settings: SpeechSettings, files: Files) -> SpeechTranscribing | Naming:
    """The same for a run."""
    return (Naming if settings.unit == "whole" else SpeechTranscribing).open(settings, files)


SPEECH = Family(
    name="speech",
    about="Train a network that transcribes recordings, or tells spoken words apart.",
    data="a CSV or TSV file with the path of a recording and its transcript on each line",
    example="recordings.csv --unit words",
    settings=SpeechSettings,
    read=read_recordings,
    task=task,
    open=problem,
    following="predict {run} NEW-RECORDING.wav",
)

__all__ = ["SPEECH", "Naming", "SpeechSettings", "SpeechTranscribing", "read_recordings"]
