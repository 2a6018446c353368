"""The inside: capture of what a network does, analysis of it, plots, and the page in the browser."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from .capture import Capture
from .inspection import Inspection
from .passes import Pass
from .tracks import Track, track

__all__ = ["Capture", "Inspection", "Pass", "Track", "inspect", "track"]


def inspect(
    model: nn.Module, *args: Any, tracks: dict[str, Any] | None = None, layer: str | None = None, **kwargs: Any
) -> Inspection:
    """Call a model, and keep everything that happens inside its recurrent layers.

    Args:
        model: a layer of this library, `torch.nn.LSTM`, `GRU` or `RNN`, or any module that holds such.
        args: what it is called with.
        tracks: what stands beside the signals, by name, with a value for each step: texts, numbers, pictures, or pairs
            of whole numbers and the names of what they mean; see `track`. Several sequences stand one behind the
            other, without padding.
        layer: the name of the module to see; by default the one that is called last, with all others that take the
            same steps.
        kwargs: what else the model is called with.

    >>> import torch, cellwright as cw
    >>> inspection = cw.inspect(torch.nn.LSTM(3, 4), torch.randn(7, 3), tracks={"day": list("abcdefg")})
    >>> inspection
    Inspection of l0: 7 steps in 1 sequences
    >>> inspection["l0"].signal("f").shape
    (7, 4)
    >>> inspection.right
    True

    Raises:
        InputError: the model holds no recurrent layer, or a track does not fit.
    """
    with torch.no_grad(), Capture(model) as capture:
        model(*args, **kwargs)
    named = [track(name, *(each if isinstance(each, tuple) else (each,))) for name, each in (tracks or {}).items()]
    return capture.inspection(named, layer)
