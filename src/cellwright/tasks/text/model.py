"""The network that predicts the next token: embedding, stacked recurrent layers, softmax."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..recurrent import recurrent_layers
from ..task import Carried
from .settings import TextSettings


class LanguageModel(nn.Module):
    """Scores of the next token, from all tokens so far.

    Args:
        vocabulary_size: how many tokens there are.
        settings: all but vocabulary, batch and chunk are read.

    >>> model = LanguageModel(65, TextSettings(hidden=8))
    >>> scores, state = model(torch.zeros(2, 5, dtype=torch.long))
    >>> scores.shape
    torch.Size([2, 5, 65])
    """

    def __init__(self, vocabulary_size: int, settings: TextSettings) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, settings.embedding)
        self.recurrent = recurrent_layers(settings.embedding, settings)
        self.dropout = nn.Dropout(settings.dropout)
        width = settings.embedding if settings.tie else vocabulary_size
        self.output = nn.Linear(settings.hidden, width)
        self.bias = nn.Parameter(torch.zeros(vocabulary_size)) if settings.tie else None
        if settings.tie:
            nn.init.normal_(self.embedding.weight, std=settings.embedding**-0.5)

    def forward(self, tokens: Tensor, state: Carried = None) -> tuple[Tensor, Carried]:
        """Scores `[B, T, vocabulary]` for tokens `[B, T]`, and the state after the last of them."""
        read, state = self.recurrent(self.embedding(tokens), state)
        scores: Tensor = self.output(self.dropout(read))
        if self.bias is not None:
            scores = functional.linear(scores, self.embedding.weight, self.bias)
        return scores, state
