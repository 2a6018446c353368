"""Text: a language model over characters or byte pairs."""

from ..task import Family
from .metric import Nats
from .model import LanguageModel
from .reading import read_text
from .sampling import Choice, write
from .settings import TextSettings, settings_for, size_of
from .streams import Windows
from .task import Language, TextTask, chosen, opening, text_step
from .vocabulary import Vocabulary, load_vocabulary

TEXT = Family(
    name="text",
    about="Train a language model on your own text. What is not given is chosen by the size of the text.",
    data="a UTF-8 text file, or a folder of them",
    example="novel.txt",
    settings=TextSettings,
    read=read_text,
    task=TextTask,
    open=Language.open,
    following='generate {run} --length 500 --prompt "..."',
    chosen=chosen,
    by_data=("embedding", "hidden", "layers", "dropout", "tie", "batch", "chunk"),
)

__all__ = [
    "TEXT",
    "Choice",
    "Language",
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
