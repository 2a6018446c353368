"""Text: a language model over characters or byte pairs."""

from .metric import Nats
from .model import LanguageModel
from .reading import read_text
from .sampling import Choice, write
from .settings import TextSettings, settings_for, size_of
from .streams import Windows
from .task import VOCABULARY_FILE, TextTask, opening, text_step
from .vocabulary import Vocabulary, load_vocabulary

__all__ = [
    "VOCABULARY_FILE",
    "Choice",
    "LanguageModel",
    "Nats",
    "TextSettings",
    "TextTask",
    "Vocabulary",
    "Windows",
    "load_vocabulary",
    "opening",
    "read_text",
    "settings_for",
    "size_of",
    "text_step",
    "write",
]
