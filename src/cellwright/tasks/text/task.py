"""The text task: predict each next token of a text."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import DataError, InputError
from ..exhibit import Exhibit
from ..task import Beside, Carried, Files, Parts, Step, with_each
from .metric import Nats
from .model import LanguageModel
from .reading import Text, part, pieces
from .sampling import Choice, write
from .settings import TextSettings, settings_for, size_of
from .streams import Streams, TextBatch, Windows
from .vocabulary import Characters, Vocabulary, encoded, load_vocabulary

VOCABULARY_FILE = "vocabulary.json"
WATCHED = 2**15
"""Tokens to measure on while learning: enough to tell a thousandth of a nat, read in a second."""
SAMPLE = 240
PIECE = 1024
"""Tokens that are read at once where everything is watched."""


class Language:
    """What a language model is for: the next token, over a vocabulary."""

    def __init__(self, vocabulary: Vocabulary, settings: TextSettings) -> None:
        self.vocabulary = vocabulary
        self.settings = settings

    @staticmethod
    def open(settings: TextSettings, files: Files) -> Language:
        """The problem of a run."""
        return Language(load_vocabulary(files(VOCABULARY_FILE)), settings)

    @property
    def unit(self) -> str:
        """What a token is, in the plural."""
        return self.vocabulary.unit

    @property
    def files(self) -> Mapping[str, bytes]:
        """The vocabulary as a file."""
        return {VOCABULARY_FILE: self.vocabulary.to_json().encode()}

    @property
    def scored(self) -> Sequence[str]:
        """The tokens."""
        return [self.vocabulary.decode([token]) for token in range(self.vocabulary.size)]

    def network(self) -> LanguageModel:
        """A new language model."""
        return LanguageModel(self.vocabulary.size, self.settings)

    def step(self, network: nn.Module, batch: TextBatch, carried: Carried) -> Step:
        """Cross-entropy of every next token, in nats."""
        return text_step(network, batch, carried)

    def metric(self) -> Nats:
        """Nats per token, perplexity, bits per character."""
        return Nats()

    def batches(self, data: Text) -> Windows:
        """All of a text, to measure on."""
        tokens = encoded(self.vocabulary, data)
        return Windows(tokens, characters=len(data) / max(1, len(tokens)))

    @torch.no_grad()
    def beside(self, network: nn.Module, data: Text) -> Iterator[Beside]:
        """Each token, the likeliest next one, and how surprising the true one is, in nats."""
        tokens, state = encoded(self.vocabulary, data), None
        spelt = cache(lambda token: self.vocabulary.decode(torch.tensor([token])))
        for read, following in zip(tokens[:-1].split(PIECE), tokens[1:].split(PIECE), strict=True):
            scores, state = network(read[None].long(), state)
            nats = functional.cross_entropy(scores[0], following.long(), reduction="none")
            yield {
                "input": ([spelt(each) for each in read.tolist()], ()),
                "likeliest next": ([spelt(each) for each in scores[0].argmax(-1).tolist()], ()),
                "surprise": (nats.numpy(), ()),
            }

    def predict(self, network: nn.Module, data: Text) -> Iterator[str]:
        """A language model continues a text; see `sampling`."""
        raise InputError("a language model has nothing to say about a file; let it write: cellwright generate RUN")


class TextTask(Language):
    """A text to learn from, its vocabulary, and what to do with a batch of it.

    Args:
        parts: the texts; where none is given to watch, the end of the first is kept for it.
        settings: see `TextSettings`.
        files: those of an earlier run; None makes new ones from the text.

    Raises:
        DataError: the text is too short to be split.

    >>> task = TextTask(Parts("to be or not to be " * 40), TextSettings(hidden=8, batch=2, chunk=16))
    >>> len(task.training(epoch=0)), task.unit
    (20, 'characters')
    >>> step = task.step(task.network(), task.training(0)[0], carried=None)
    >>> step.count
    32
    """

    def __init__(self, parts: Parts, settings: TextSettings, files: Files | None = None) -> None:
        text, watched = split(parts, settings.validation)
        tested = watched if parts.test is None else parts.test
        whole = [text, watched, *([parts.test] if parts.test else [])]
        known = load_vocabulary(files(VOCABULARY_FILE)) if files else learn_vocabulary(whole, settings)
        super().__init__(known, settings)
        self.learned = encoded(self.vocabulary, text)
        self.watched, self.tested = self.batches(watched), self.batches(tested)
        self.characters = len(text)
        self.training(epoch=0)  # refuses a text that is too short: better now than in mid-run

    @property
    def summary(self) -> str:
        """How much text there is."""
        return (
            f"{len(self.learned):,} {self.unit} ({self.vocabulary.size:,} different), measuring on "
            f"{len(self.tested.tokens):,}"
        )

    @property
    def advice(self) -> Mapping[str, Any]:
        """How to train on a text of this size."""
        size = size_of(self.characters)
        return {"learning_rate": size.learning_rate, "minutes": size.minutes}

    def training(self, epoch: int) -> Streams:
        """The text to learn from, as streams."""
        return Streams(self.learned, self.settings.batch, self.settings.chunk, epoch)

    def validation(self) -> Windows:
        """Parts of the text to watch."""
        return Windows(self.watched.tokens, limit=WATCHED, characters=self.watched.characters)

    def final(self) -> Windows:
        """All of the text to measure on."""
        return self.tested

    def sample(self, network: nn.Module) -> str:
        """What the network writes now after a line feed, with a chance that is the same every time."""
        tokens = write(
            cast(LanguageModel, network),
            opening(self.vocabulary),
            SAMPLE,
            Choice(),
            torch.Generator().manual_seed(0),
        )
        return self.vocabulary.decode(tokens).strip("\n")

    def exhibits(self, network: nn.Module, metric: Nats) -> Iterator[Exhibit]:
        """What it writes."""
        yield Exhibit("A sample", self.sample(network))


def chosen(parts: Parts, given: Mapping[str, Any]) -> TextSettings:
    """Settings for a text of this size, changed by what was given."""
    settings = settings_for(len(parts.learned), given.get("vocabulary", "characters"))
    return dataclasses.replace(settings, **given)


def split(parts: Parts, share: float) -> tuple[Text, Text]:
    """The text to learn from, and the text to watch."""
    text: Text = parts.learned
    if parts.validation is not None:
        return text, parts.validation
    cut = len(text) - round(len(text) * share)
    if len(text) - cut < 2:
        raise DataError(
            f"the validation part must have at least 2 characters, but {share:g} of {len(text)} is "
            f"{len(text) - cut}; bring more text, or raise --validation"
        )
    return part(text, 0, cut), part(text, cut, len(text))


def learn_vocabulary(texts: Sequence[Text], settings: TextSettings) -> Vocabulary:
    """The characters of all texts, or the byte pairs of the first, which is the one to learn from."""
    if settings.vocabulary == "characters":
        met: set[str] = set()
        for piece in chain.from_iterable(map(pieces, texts)):
            met.update(piece)
        return Characters("".join(met))
    from .bytepairs import learn_byte_pairs  # `tokenizers` is wanted only by those who use it

    return learn_byte_pairs(texts[0], settings.vocabulary_size)


def opening(vocabulary: Vocabulary) -> Tensor:
    """What a text without a prompt begins after: a line feed, or the first token there is."""
    try:
        return vocabulary.encode("\n")
    except DataError:
        return torch.zeros(1, dtype=torch.int32)


def text_step(network: nn.Module, batch: TextBatch, carried: Carried) -> Step:
    """Loss of one chunk; the state is carried in but where streams begin."""
    carried = with_each(carried, lambda each: each.masked_fill(batch.begins[:, None], 0.0))
    scores, state = network(batch.tokens, carried)
    loss = functional.cross_entropy(scores.flatten(0, 1), batch.targets.flatten())
    count = int((batch.targets >= 0).sum())
    return Step(loss, count, with_each(state, Tensor.detach), count * batch.characters)
