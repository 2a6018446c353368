"""What a model says at each step: a linear layer on what its last recurrent layer gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


@dataclass(frozen=True, eq=False)
class Readout:
    """The scores of a model, W h + b, with h of the last layer.

    Attributes:
        w: weights `[C, D * H]`.
        b: biases `[C]`.
        names: of the scores, C of them.

    >>> Readout(torch.ones(1, 2), torch.tensor([0.5]), ("sum",))(torch.tensor([[1.0, 2.0]]))
    tensor([[3.5000]])
    """

    w: Tensor
    b: Tensor
    names: tuple[str, ...]

    def __call__(self, h: Tensor) -> Tensor:
        """Scores `[..., C]` for h `[..., D * H]`, in the precision of h."""
        return F.linear(h, self.w.to(h.dtype), self.b.to(h.dtype))


class Reading:
    """Finds the linear layer that takes what the last recurrent layer gives, and gives what the model returns.

    Attributes:
        given: by the recurrent layer that was called last.
        found: the linear layer of the last call of the model; None if there was none.
    """

    def __init__(self) -> None:
        self.given: Any = None
        self.found: nn.Linear | None = None
        self.results: list[tuple[nn.Linear, Tensor]] = []

    def watch(self, model: nn.Module) -> Iterator[RemovableHandle]:
        """Watch a model until the handles are removed."""
        for each in model.modules():
            if isinstance(each, nn.Linear):
                yield each.register_forward_hook(self.passed)
        yield model.register_forward_hook(self.returned)

    def passed(self, module: nn.Linear, args: tuple[Any, ...], output: Tensor) -> None:
        """A linear layer was called."""
        if args and args[0] is self.given:
            self.results.append((module, output))

    def returned(self, model: nn.Module, args: Any, output: Any) -> None:
        """The model has returned."""
        outputs = output if isinstance(output, tuple) else (output,)
        matching = (module for module, each in self.results if any(each is one for one in outputs))
        self.found = next(matching, None)
        self.given = None
        self.results.clear()

    @property
    def readout(self) -> Readout | None:
        """What was found, with numbers for names."""
        if self.found is None:
            return None
        w = self.found.weight.detach().cpu()
        w = w.to(torch.promote_types(w.dtype, torch.float32), copy=True)
        b = w.new_zeros(len(w)) if self.found.bias is None else self.found.bias.detach().cpu().to(w.dtype, copy=True)
        return Readout(w, b, tuple(map(str, range(len(w)))))
