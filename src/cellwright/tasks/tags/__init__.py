"""Tags: a tag for every word (parts of speech, slots, names), and perhaps a label for the sentence."""

from ..task import Family
from .reading import Sentence, read_sentences
from .settings import TagSettings
from .task import Tagging, TagTask

TAGS = Family(
    name="tags",
    about="Train a tagger on your own sentences: parts of speech, slots, names; and intents, if sentences have labels.",
    data="CoNLL-U, or a file with a word and its tag on each line and blank lines between sentences",
    example="train.conllu --valid dev.conllu",
    settings=TagSettings,
    read=read_sentences,
    task=TagTask,
    open=Tagging.open,
    following="predict {run} NEW-SENTENCES.txt",
)

__all__ = ["TAGS", "Sentence", "TagSettings", "TagTask", "Tagging", "read_sentences"]
