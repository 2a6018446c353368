"""What happened inside a layer: every signal of every step, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError, nearest


class Trace(Mapping[str, Tensor]):
    """The signals of a call, by the names that the cell gives them: `trace["f"]` are the forget gates.

    Each is `[T, B, layers * D, H]`, in the layout of the input (`[B, T, layers * D, H]` if batch_first, without B for
    one sequence), with layers and directions in the order of the last states. Behind the end of a sequence they are
    zero. They are part of the computation: a loss may use them, and its gradient flows on. Signals share memory with
    each other, and with what backward needs: keep a `.clone()` of one to let the others go.

    Attributes:
        output: what the layer returns.
        state: the last states.
    """

    def __init__(self, output: Tensor, state: Any, layers: Sequence[Mapping[str, Tensor]]) -> None:
        self.output = output
        self.state = state
        self.layers = layers

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.layers[0]:
            raise InputError(f"there is no signal {name!r}; {nearest(name, self)}")
        found = [signals[name] for signals in self.layers]
        return found[0] if len(found) == 1 else torch.cat(found, -2)

    def __iter__(self) -> Iterator[str]:
        return iter(self.layers[0])

    def __len__(self) -> int:
        return len(self.layers[0])

    def __contains__(self, name: object) -> bool:
        return name in self.layers[0]

    def __repr__(self) -> str:
        return f"Trace of {', '.join(self)}: each {list(self[next(iter(self))].shape)}"
