"""The long short-term memory."""

from collections.abc import Mapping

import torch
from torch import Tensor

from .cell import Terms, cell


@cell(gates="i f g o", state="h c", candidate="g")
def lstm(x: Terms, r: Terms, s: Terms, w: Terms) -> Mapping[str, Tensor]:
    """Long short-term memory with a forget gate: Gers, Schmidhuber & Cummins (2000)."""
    i = torch.sigmoid(x.i + r.i)  # input gate: how much to write
    f = torch.sigmoid(x.f + r.f)  # forget gate: how much to keep
    g = torch.tanh(x.g + r.g)  # candidate: what to write
    o = torch.sigmoid(x.o + r.o)  # output gate: how much to show
    c = f * s.c + i * g  # cell state, the long-term memory
    h = o * torch.tanh(c)  # hidden state, the short-term memory
    return dict(i=i, f=f, g=g, o=o, c=c, h=h)
