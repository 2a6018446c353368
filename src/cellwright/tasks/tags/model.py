"""The tagger: characters of words, words of sentences, each read from both ends."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..recurrent import Encoder, RecurrentSettings, pooled
from .settings import TagSettings
from .vocabulary import UNKNOWN, TagVocabulary


class TagBatch(NamedTuple):
    """B sentences of at most T words, which have U different spellings of at most C characters.

    Attributes:
        words: their numbers, int64 `[B, T]`.
        lengths: words of each sentence, int64 `[B]`.
        spellings: characters of each different word, int64 `[U, C]`.
        spelling_lengths: characters of each, int64 `[U]`.
        spelt: which of them each word is, int64 `[B, T]`.
        tags: what is to be found, int64 `[B, T]`; `IGNORED` where nothing is, `UNSEEN` where it was never learned.
        labels: of the sentences, int64 `[B]`; the same.
    """

    words: Tensor
    lengths: Tensor
    spellings: Tensor
    spelling_lengths: Tensor
    spelt: Tensor
    tags: Tensor
    labels: Tensor


class Tagger(nn.Module):
    """Scores of tags for words, and of labels for sentences.

    A word is its own vector beside what an LSTM makes of its characters (Plank, Søgaard & Goldberg, 2016). While it
    learns, it takes rare words for unknown ones now and then, so that it knows what to make of those.

    Args:
        vocabulary: what is known.
        settings: see `TagSettings`.
    """

    rare: Tensor

    def __init__(self, vocabulary: TagVocabulary, settings: TagSettings) -> None:
        super().__init__()
        self.words = nn.Embedding(1 + len(vocabulary.words), settings.words)
        self.characters = nn.Embedding(1 + len(vocabulary.characters), settings.characters)
        spelling = RecurrentSettings(cell=settings.cell, hidden=settings.spelling, torch=settings.torch)
        self.spelling = Encoder(settings.characters, spelling)
        self.sentence = Encoder(settings.words + 2 * self.spelling.width, settings)
        self.dropout = nn.Dropout(settings.dropout)
        self.tags = nn.Linear(self.sentence.width, len(vocabulary.tags))
        self.labels = nn.Linear(2 * self.sentence.width, max(1, len(vocabulary.labels)))
        counts = torch.tensor([0, *vocabulary.counts])
        self.register_buffer("rare", settings.rare / (settings.rare + counts), persistent=False)

    def forward(self, batch: TagBatch) -> tuple[Tensor, Tensor]:
        """Scores of tags `[B, T, tags]`, and of labels `[B, labels]`."""
        words = batch.words
        if self.training:
            words = words.masked_fill(torch.rand(words.shape, device=words.device) < self.rare[words], UNKNOWN)
        characters = self.spelling(self.dropout(self.characters(batch.spellings)), batch.spelling_lengths)
        spelt = pooled(characters, batch.spelling_lengths)[batch.spelt]
        read = self.sentence(self.dropout(torch.cat([self.words(words), spelt], -1)), batch.lengths)
        return self.tags(self.dropout(read)), self.labels(self.dropout(pooled(read, batch.lengths)))
