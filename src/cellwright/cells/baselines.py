"""The plain recurrent network and the gated recurrent unit, in the form that PyTorch has them."""

from collections.abc import Mapping

import torch
from torch import Tensor

from .cell import Terms, cell


@cell(gates="h", state="h")
def rnn(x: Terms, r: Terms, s: Terms, w: Terms) -> Mapping[str, Tensor]:
    """Plain recurrent network: Elman (1990)."""
    return dict(h=torch.tanh(x.h + r.h))


@cell(gates="h", state="h")
def rnn_relu(x: Terms, r: Terms, s: Terms, w: Terms) -> Mapping[str, Tensor]:
    """Plain recurrent network with rectified units: Le, Jaitly & Hinton (2015)."""
    return dict(h=torch.relu(x.h + r.h))


@cell(gates="r z n", state="h", candidate="n")
def gru(x: Terms, r: Terms, s: Terms, w: Terms) -> Mapping[str, Tensor]:
    """Gated recurrent unit, reset after the product: Cho et al. (2014), as cuDNN and PyTorch have it."""
    reset = torch.sigmoid(x.r + r.r)
    z = torch.sigmoid(x.z + r.z)  # update gate: how much to keep
    n = torch.tanh(x.n + reset * r.n)  # candidate
    return dict(r=reset, z=z, n=n, h=(1 - z) * n + z * s.h)
