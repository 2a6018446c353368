"""What speech and lines of text share: a transcript for a signal whose steps are not aligned with it."""

from .ctc import BLANK, beam_search, ctc_loss, greedy
from .metric import TranscriptMetric
from .model import Transcriber
from .problem import Transcribing, TranscribingTask, TranscriptBatch
from .settings import TranscriptSettings
from .signal import Signal, composed

__all__ = [
    "BLANK",
    "Signal",
    "Transcriber",
    "Transcribing",
    "TranscribingTask",
    "TranscriptBatch",
    "TranscriptMetric",
    "TranscriptSettings",
    "beam_search",
    "composed",
    "ctc_loss",
    "greedy",
]
