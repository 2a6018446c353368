"""Calls that are kept for the next time.

A call of one or a few steps would spend most of its time on packing the weights. It is therefore kept with its
packed weights, which the kernel compares with the weights by a digest of all their numbers: whoever changes a
weight, by whatever means, gets it packed anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, Protocol, TypeVar

MOST = 64  # calls that are kept
LARGEST = 1 << 26  # bytes of all of them together


class HasSize(Protocol):
    """What is kept."""

    @property
    def nbytes(self) -> int: ...


Held = TypeVar("Held", bound=HasSize)


class Kept(Generic[Held]):
    """A few calls, the ones used last; whoever takes one out has it alone."""

    def __init__(self) -> None:
        self.calls: OrderedDict[Hashable, Held] = OrderedDict()
        self.nbytes = 0
        self.lock = Lock()

    def take(self, key: Hashable) -> Held | None:
        with self.lock:
            call = self.calls.pop(key, None)
            self.nbytes -= 0 if call is None else call.nbytes
            return call

    def keep(self, key: Hashable, call: Held) -> None:
        with self.lock:
            replaced = self.calls.pop(key, None)
            self.calls[key] = call
            self.nbytes += call.nbytes - (0 if replaced is None else replaced.nbytes)
            while len(self.calls) > MOST or self.nbytes > LARGEST:
                self.nbytes -= self.calls.popitem(last=False)[1].nbytes
