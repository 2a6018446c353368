"""Random masks: the one place in which they are drawn, the same for the same seed on any device and number of threads.

Every number is the SplitMix64 hash of its position (Steele, Lea & Flood 2014), and each hash gives four numbers of 16
bits. A probability is therefore taken to the nearest 1/65536.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

LEVELS = 1 << 16
PER_HASH = 4


def signed(word: int) -> int:
    """The lowest 64 bits as a signed integer."""
    word %= 1 << 64
    return word - (1 << 64) if word >> 63 else word


STEP = signed(0x9E3779B97F4A7C15)  # from one position to the next
STREAM = signed(0xD1342543DE82EF95)  # from one stream of masks to the next
MIXING = ((30, signed(0xBF58476D1CE4E5B9)), (27, signed(0x94D049BB133111EB)), (31, 1))


class Masks:
    """Draws masks one after the other, from a seed that PyTorch's generator of the CPU gives.

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> Masks(torch.device("cpu")).hits((2, 3), 0.5).shape
    torch.Size([2, 3])
    """

    def __init__(self, device: torch.device) -> None:
        self.seed = torch.randint(1 << 62, ()).to(device)
        self.drawn = 0

    def hits(self, shape: Sequence[int], probability: float) -> Tensor:
        """Truth values of a shape, true with a probability."""
        self.drawn += 1
        if levels(probability) == LEVELS:
            return torch.ones(tuple(shape), dtype=torch.bool, device=self.seed.device)
        count = math.prod(shape)
        bits = hashes(self.seed + signed(self.drawn * STREAM), -(-count // PER_HASH)).view(torch.int16)
        return (bits[:count] < levels(probability) - LEVELS // 2).view(tuple(shape))

    def kept(self, shape: Sequence[int], probability: float, dtype: torch.dtype) -> Tensor:
        """A mask for dropout: 0 with a probability, else as much more than 1 as makes its mean 1."""
        left = 1 - levels(probability) / LEVELS
        return (~self.hits(shape, probability)).to(dtype) * (1 / left if left else 0.0)


def levels(probability: float) -> int:
    """A probability in steps of 1/65536."""
    return round(probability * LEVELS)


def hashes(start: Tensor, count: int) -> Tensor:
    """The SplitMix64 hashes of the positions behind a start: `[count]` of 64 bits."""
    z = torch.arange(1, count + 1, device=start.device).mul_(STEP).add_(start)
    for shift, factor in MIXING:
        z.bitwise_xor_((z >> shift).bitwise_and_((1 << (64 - shift)) - 1)).mul_(factor)
    return z
