"""Random masks: the one place in which they are drawn, the same for the same seed on any device and number of threads.

Every number is the SplitMix64 hash of its position (Steele, Lea & Flood 2014), and each hash gives four numbers of 16
bits. A probability is therefore taken to the nearest 1/65536.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import InputError
from ..kernels.choices import KINDS, choose
from ..kernels.derivative import under_functorch
from ..kernels.hashes import MIXING, STEP, hashes_in_one_pass

LEVELS = 1 << 16
PER_HASH = 4


def signed(word: int) -> int:
    """The lowest 64 bits as a signed integer."""
    word %= 1 << 64
    return word - (1 << 64) if word >> 63 else word


STREAM = signed(0xD1342543DE82EF95)  # from one stream of masks to the next


class Draw(NamedTuple):
    """One kind of mask: a value that stands with a probability, and the one that stands otherwise."""

    probability: float
    value: float
    otherwise: float

    @classmethod
    def dropped(cls, probability: float) -> Draw:
        """For dropout: 0, else as much more than 1 as makes the mean 1."""
        left = 1 - levels(probability) / LEVELS
        return cls(probability, 0.0, 1 / left if left else 0.0)

    @classmethod
    def marked(cls, probability: float) -> Draw:
        """1, else 0."""
        return cls(probability, 1.0, 0.0)


class Masks:
    """Draws masks one after the other, from a seed that PyTorch's generator of the CPU gives.

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> Masks(torch.device("cpu")).one((2, 3), Draw.marked(0.5), torch.float32).shape
    torch.Size([2, 3])
    """

    def __init__(self, device: torch.device) -> None:
        seed = torch.randint(1 << 62, (), device="cpu")
        self.seed = (unwrapped(seed) if under_functorch() else seed).to(device)
        self.drawn = 0

    def one(self, shape: Sequence[int], draw: Draw, dtype: torch.dtype) -> Tensor:
        """A mask of one kind."""
        return self.several((*shape[:-1], 1, shape[-1]), [draw], dtype).squeeze(-2)

    def several(self, shape: Sequence[int], draws: Sequence[Draw], dtype: torch.dtype) -> Tensor:
        """Masks of several kinds side by side: `[..., kinds, H]`."""
        self.drawn += 1
        numbers = [number for draw in draws for number in draw]
        seen = torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack() > 0
        function = torch.ops.cellwright.masks if seen else drawn_masks
        with torch._C._DisableFuncTorch() if under_functorch() else nullcontext():
            masks: Tensor = function(self.seed, self.drawn, tuple(shape), numbers, dtype)
        return masks


def unwrapped(seed: Tensor) -> Tensor:
    """A seed that is the same for all that a transform of `torch.func` maps over.

    Raises:
        InputError: it is another one for each.
    """
    functorch = torch._C._functorch
    if functorch.is_batchedtensor(seed):
        raise InputError(
            "masks are drawn once for all that vmap maps over, but randomness='different' is asked for; take 'same'"
        )
    return functorch.get_unwrapped(seed) if functorch.is_functorch_wrapped_tensor(seed) else seed


def drawn_masks(seed: Tensor, stream: int, shape: Sequence[int], draws: Sequence[float], dtype: torch.dtype) -> Tensor:
    """Masks `[..., kinds, H]` of one stream; `draws` holds probability, value and other value of each kind."""
    count = math.prod(shape)
    bits = hashes(seed + signed(stream * STREAM), -(-count // PER_HASH)).view(torch.int16)[:count]
    masks = torch.empty(tuple(shape), dtype=dtype, device=bits.device)
    fill = choose if bits.device.type == "cpu" and dtype in KINDS else choose_by_operators
    rows = (math.prod(shape[:-2]), *shape[-2:])
    kinds = zip(draws[::3], draws[1::3], draws[2::3], strict=True)
    for mask, chance, kind in zip(masks.view(rows).unbind(1), bits.view(rows).unbind(1), kinds, strict=True):
        probability, value, otherwise = kind
        highest = levels(probability) - LEVELS // 2 - 1
        if highest < -LEVELS // 2:
            mask.fill_(otherwise)
        else:
            fill(chance, highest, value, otherwise, mask)
    return masks


def choose_by_operators(chances: Tensor, highest: int, number: float, otherwise: float, numbers: Tensor) -> None:
    """What `choose` does, by PyTorch's operators, on any device."""
    torch.le(chances, highest, out=numbers)  # the truth values are written as numbers at once, not converted
    if (number, otherwise) != (1.0, 0.0):
        numbers.mul_(number - otherwise).add_(otherwise)


def shape_of_masks(
    seed: Tensor, stream: int, shape: Sequence[int], draws: Sequence[float], dtype: torch.dtype
) -> Tensor:
    """The same without the numbers."""
    return seed.new_empty(tuple(shape), dtype=dtype)


def levels(probability: float) -> int:
    """A probability in steps of 1/65536."""
    return round(probability * LEVELS)


def hashes(start: Tensor, count: int) -> Tensor:
    """The SplitMix64 hashes of the positions behind a start: `[count]` of 64 bits."""
    if start.device.type == "cpu":
        return hashes_in_one_pass(int(start), count)
    return hashes_by_operators(start, count)


def hashes_by_operators(start: Tensor, count: int) -> Tensor:
    """The same by PyTorch's operators, on any device."""
    z = torch.arange(1, count + 1, device=start.device).mul_(signed(STEP)).add_(start)
    shifted = torch.empty_like(z)  # room that is used three times: new memory would cost more than the arithmetic
    for shift, factor in MIXING:
        torch.bitwise_right_shift(z, shift, out=shifted)
        z.bitwise_xor_(shifted.bitwise_and_((1 << (64 - shift)) - 1)).mul_(signed(factor))
    return z


# Who looks at operators, as a compiler does, sees one, without sizes or numbers that it would have to know.
library = torch.library.Library("cellwright", "FRAGMENT")
library.define("masks(Tensor seed, int stream, SymInt[] shape, float[] draws, ScalarType dtype) -> Tensor")
library.impl("masks", drawn_masks, "CompositeExplicitAutograd")
torch.library.register_fake("cellwright::masks", shape_of_masks, lib=library)
