"""Layer normalisation inside a cell."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

EPSILON = 1e-5


def normalised(*parts: Tensor) -> tuple[Tensor, ...]:
    """Parts of one row `[..., H]`, less the mean of all of them and divided by their standard deviation.

    Ba, Kiros & Hinton (2016), equation 3, without gain and bias. The standard deviation is the root of the variance,
    taken over all numbers of all parts, plus 1e-5.

    >>> import torch
    >>> normalised(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    (tensor([-1.3416, -0.4472]), tensor([0.4472, 1.3416]))
    """
    if has_torch_function(parts):
        symbols: Any = handle_torch_function(normalised, parts, *parts)
        return tuple(symbols)
    count = len(parts)
    mean = sum_of(parts).mean(-1, keepdim=True) / count
    apart = [part - mean for part in parts]
    variance = sum_of([each * each for each in apart]).mean(-1, keepdim=True) / count
    scale = torch.rsqrt(variance + EPSILON)
    return tuple(each * scale for each in apart)


def sum_of(parts: Any) -> Tensor:
    """The sum of tensors, from the first to the last."""
    first, *others = parts
    for each in others:
        first = first + each
    total: Tensor = first
    return total
