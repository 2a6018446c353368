"""Packed weights that short calls find again, by the content of the weights.

A call of one or a few steps would spend most of its time on packing. A pack is found by a digest of all numbers
that went into it, never by the identity of a tensor: whoever changes a weight, by whatever means, gets a new one.
"""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from functools import cache
from threading import Lock

from torch import Tensor

from . import native

MOST = 64  # packs that are kept
LARGEST = 1 << 26  # bytes of all packs together


class Packs:
    """A few packs, the ones used last."""

    def __init__(self) -> None:
        self.found: OrderedDict[Hashable, Tensor] = OrderedDict()
        self.lock = Lock()

    def get(self, key: Hashable) -> Tensor | None:
        with self.lock:
            if key in self.found:
                self.found.move_to_end(key)
            return self.found.get(key)

    def put(self, key: Hashable, pack: Tensor) -> None:
        with self.lock:
            self.found[key] = pack
            while len(self.found) > MOST or sum(each.nbytes for each in self.found.values()) > LARGEST:
                self.found.popitem(last=False)


packs = Packs()


def digest_of(weights: Sequence[Tensor]) -> int:
    """One number for the content of contiguous tensors."""
    digest, total = digest_function(), 0
    for weight in weights:
        total = digest(weight.data_ptr(), weight.nbytes, total)
    return total


@cache
def digest_function() -> Callable[[int, int, int], int]:
    """The compiled digest."""
    return ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 3)(native.digest())
