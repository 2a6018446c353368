"""The text task: predict each next token of a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import DataError
from ..task import Carried, Step
from .metric import Nats
from .model import LanguageModel
from .sampling import Choice, write
from .settings import TextSettings
from .streams import Streams, TextBatch, Windows
from .vocabulary import Characters, Vocabulary

VOCABULARY_FILE = "vocabulary.json"
WATCHED = 2**15
"""Tokens to measure on while learning: enough to tell a thousandth of a nat, read in a second."""
SAMPLE = 240


class TextTask:
    """A text to learn from, its vocabulary, and what to do with a batch of it.

    Args:
        text: the whole text; its end is kept for validation.
        settings: see `TextSettings`.
        vocabulary: an earlier run's; None makes one from the text.

    Raises:
        DataError: the text is too short to be split.

    >>> task = TextTask("to be or not to be " * 40, TextSettings(hidden=8, batch=2, chunk=16))
    >>> len(task.training(epoch=0)), task.unit
    (20, 'characters')
    >>> step = task.step(task.network(), task.training(0)[0], carried=None)
    >>> step.count
    32
    """

    def __init__(self, text: str, settings: TextSettings, vocabulary: Vocabulary | None = None) -> None:
        cut = len(text) - round(len(text) * settings.validation)
        if len(text) - cut < 2:
            raise DataError(
                f"the validation part must have at least 2 characters, but {settings.validation:g} of "
                f"{len(text)} is {len(text) - cut}; bring more text, or raise --validation"
            )
        self.settings = settings
        self.vocabulary = vocabulary or learn_vocabulary(text, text[:cut], settings)
        self.learned = self.vocabulary.encode(text[:cut])
        self.held_out = self.vocabulary.encode(text[cut:])
        self.tokens_per_character = len(self.held_out) / (len(text) - cut)
        # Both refuse a text that is too short: better now than in mid-run.
        self.training(epoch=0)
        self.validation()

    @property
    def unit(self) -> str:
        """What a token is, in the plural."""
        return self.vocabulary.unit

    @property
    def files(self) -> Mapping[str, bytes]:
        """The vocabulary as a file."""
        return {VOCABULARY_FILE: self.vocabulary.to_json().encode()}

    def network(self) -> LanguageModel:
        """A new language model."""
        return LanguageModel(self.vocabulary.size, self.settings)

    def training(self, epoch: int) -> Streams:
        """The text to learn from, as streams."""
        return Streams(self.learned, self.settings.batch, self.settings.chunk, epoch)

    def validation(self) -> Windows:
        """Parts of the held-out text."""
        return Windows(self.held_out, limit=WATCHED)

    def final(self) -> Windows:
        """All of the held-out text."""
        return Windows(self.held_out)

    def step(self, network: nn.Module, batch: TextBatch, carried: Carried) -> Step:
        """Cross-entropy of every next token, in nats, and the state cut off from its history."""
        return text_step(network, batch, carried)

    def metric(self) -> Nats:
        """Nats per token, perplexity, bits per character."""
        return Nats(self.tokens_per_character)

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


def learn_vocabulary(text: str, learned: str, settings: TextSettings) -> Vocabulary:
    """The characters of the whole text, or the byte pairs of the part to learn from."""
    if settings.vocabulary == "characters":
        return Characters(text)
    from .bytepairs import learn_byte_pairs  # `tokenizers` is wanted only by those who use it

    return learn_byte_pairs(learned, settings.vocabulary_size)


def opening(vocabulary: Vocabulary) -> Tensor:
    """What a text without a prompt begins after: a line feed, or the first token there is."""
    try:
        return vocabulary.encode("\n")
    except DataError:
        return torch.zeros(1, dtype=torch.int32)


def text_step(network: nn.Module, batch: TextBatch, carried: Carried) -> Step:
    """Loss of one chunk; the state is carried in unless the streams begin here."""
    scores, state = network(batch.tokens, None if batch.first else carried)
    loss = functional.cross_entropy(scores.flatten(0, 1), batch.targets.flatten())
    return Step(loss, int((batch.targets >= 0).sum()), detached(state))


def detached(state: Carried) -> Carried:
    """The same state without its history, so that backpropagation ends here."""
    if isinstance(state, tuple):
        return tuple(part.detach() for part in state)
    return None if state is None else state.detach()
