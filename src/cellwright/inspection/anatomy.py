"""What a step is made of: the signals, what stands inside their functions, and what is kept of the old state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ..cells import Cell

FUNCTIONS = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "exp": torch.exp, "relu": torch.relu}
"""The functions of gates whose arguments are worth keeping."""
CLIPPING = {"clamp", "clamp_min", "clamp_max", "hardtanh"}
SAME = {"alias", "detach", "clone", "positive", "_to_copy"}

Share = Tensor | float


@dataclass(frozen=True)
class Anatomy:
    """One evaluation of a cell, taken apart.

    Attributes:
        signals: by name, as the cell returns them.
        inner: of a signal that is a function of something: the name of the function, and z, what it is taken of.
        kept: of each state the share of its old value that goes straight into the new one, while all else in the
            equations stands still; 0 where none does.
        shares: of a share that is a function of something: the name of the function, and what it is taken of.
    """

    signals: Mapping[str, Tensor]
    inner: Mapping[str, tuple[str, Tensor]]
    kept: Mapping[str, Tensor]
    shares: Mapping[str, tuple[str, Tensor]]

    def log_kept(self, state: str) -> Tensor:
        """The natural logarithm of what is kept of a state; where that is a gate, as exact near 1 as near 0."""
        function, z = self.shares.get(state, ("", self.kept[state]))
        if function == "sigmoid":
            return torch.nn.functional.logsigmoid(z)
        return z if function == "exp" else self.kept[state].abs().log()


def dissect(
    cell: Cell, x: Sequence[Tensor], r: Sequence[Tensor], s: Sequence[Tensor], w: Sequence[Tensor] = ()
) -> Anatomy:
    """Evaluate a cell, as `cell(x, r, s, w)` does, and take it apart; nothing about the cell is known beforehand.

    >>> import torch, cellwright as cw
    >>> zeros, ones = [torch.zeros(1, 3)] * 4, [torch.ones(1, 3)] * 2
    >>> anatomy = dissect(cw.cells["lstm"], zeros, zeros, ones)
    >>> anatomy.inner["f"]
    ('sigmoid', tensor([[0., 0., 0.]]))
    >>> anatomy.kept["c"]
    tensor([[0.5000, 0.5000, 0.5000]])
    """
    with torch.no_grad(), Dissection(dict(zip(cell.state, s, strict=True))) as seen:
        signals = cell(x, r, s, w)
    inner = {name: seen.applied[id(value)] for name, value in signals.items() if id(value) in seen.applied}
    found = {name: seen.share(signals[name]).get(name, 0.0) for name in cell.state}
    kept = {
        name: share.expand_as(signals[name]) if isinstance(share, Tensor) else torch.full_like(signals[name], share)
        for name, share in found.items()
    }
    of = {name: seen.applied[id(share)] for name, share in found.items() if id(share) in seen.applied}
    shares = {name: (function, z.expand_as(signals[name])) for name, (function, z) in of.items()}
    return Anatomy(signals, inner, kept, shares)


class Dissection(TorchDispatchMode):
    """Watches the operators of a cell: which functions are taken of what, and how far results are linear in a state.

    Args:
        states: the old ones.
    """

    def __init__(self, states: Mapping[str, Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.applied: dict[int, tuple[str, Tensor]] = {}
        self.shares: dict[int, dict[str, Share]] = {}
        for name, state in states.items():
            self.shares.setdefault(id(state), {})[name] = 1.0
        self.alive: list[Any] = [*states.values()]  # or another tensor could get the identity of one of them

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # the base class would import all of torch.compile

    def share(self, value: Any) -> dict[str, Share]:
        """How much of each old state is in a value."""
        return self.shares.get(id(value), {})

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        if not isinstance(result, Tensor):
            return result
        self.alive.append(result)
        operator = function.overloadpacket.__name__
        if operator in FUNCTIONS:
            self.applied[id(result)] = (operator, args[0])
        shares = self.passed_on(operator, args, kwargs or {}, result)
        if shares:
            self.shares[id(result)] = shares
        return result

    def passed_on(
        self, operator: str, args: Sequence[Any], options: Mapping[str, Any], result: Tensor
    ) -> dict[str, Share]:
        """How much of each old state is in the result of an operator."""
        one, other = (self.share(value) for value in (*args, None, None)[:2])
        alpha = options.get("alpha", 1)
        if operator in SAME:
            return one
        if operator == "neg":
            return scaled(one, -1.0)
        if operator == "add":
            return together(one, scaled(other, alpha))
        if operator == "sub":
            return together(one, scaled(other, -alpha))
        if operator == "rsub":
            return together(other, scaled(one, -alpha))
        if operator == "mul" and not (one and other):
            return scaled(one, args[1]) if one else scaled(other, args[0])
        if operator == "div" and not other:
            return scaled(one, 1 / args[1]) if one else {}
        if operator == "where":
            return chosen(args[0], self.share(args[1]), self.share(args[2]))
        if operator == "masked_fill":
            return chosen(~args[1], one, {})
        if operator in CLIPPING:
            return chosen(result == args[0], one, {})
        if operator in ("maximum", "minimum"):
            return chosen(result == args[0], one, other)
        if operator == "addcmul":
            product = self.passed_on("mul", args[1:], {}, result)
            return together(one, scaled(product, options.get("value", 1)))
        return {}


def scaled(shares: Mapping[str, Share], factor: Any) -> dict[str, Share]:
    """Shares times a factor; a whole share becomes the factor itself, so that it can be told what it is."""
    if isinstance(factor, float | int) and factor == 1:
        return dict(shares)
    return {
        name: factor if isinstance(share, float) and share == 1.0 else share * factor for name, share in shares.items()
    }


def chosen(mask: Tensor, one: Mapping[str, Share], other: Mapping[str, Share]) -> dict[str, Share]:
    """Where a mask holds, one of two, elsewhere the other; if all over, as it is, so that it can be told what it is."""
    if not one and not other:
        return {}
    if bool(mask.all()):
        return dict(one)
    return {name: torch.where(mask, one.get(name, 0.0), other.get(name, 0.0)) for name in one.keys() | other.keys()}


def together(one: Mapping[str, Share], other: Mapping[str, Share]) -> dict[str, Share]:
    """The sums of shares."""
    return {
        name: one[name] + other[name] if name in one and name in other else one.get(name, other.get(name, 0.0))
        for name in one.keys() | other.keys()
    }
