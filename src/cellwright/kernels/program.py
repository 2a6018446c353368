"""The traced program of a cell: what it computes forward, what PyTorch derives backward, what must be kept.

The cell function and PyTorch's own automatic differentiation run once on tiny tensors, while a dispatch mode
writes down every operator. The derivative is therefore PyTorch's; nothing here knows a rule of calculus.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ..cells import Cell


@dataclass(frozen=True)
class Units:
    """A number that grows with the hidden size: `factor * units`, or `factor / units`."""

    factor: float
    inverse: bool


Argument = str | float | Units | None
DTYPE = torch.float32
SIZES = (3, 5)  # hidden sizes to trace with
ALIASES = {"detach", "alias", "clone", "_to_copy", "positive", "expand", "unsqueeze", "squeeze"}
CHOICES = {"where", "masked_fill"}
ON_MASKS = CHOICES | {f"{kind}_{word}" for kind in ("logical", "bitwise") for word in ("and", "or", "xor", "not")}
REDUCTIONS = {"sum", "mean", "var"}
QUESTIONS = {
    "is_same_size",
    "_has_same_storage_numel",
}  # PyTorch's forward mode asks them; the answers depend on shapes alone
NUMBERS = {"full_like": 1, "scalar_tensor": 0}  # which argument is the number that fills the result
FILLED = {"zeros_like": 0.0, "ones_like": 1.0}


class Untraceable(Exception):
    """The cell does something that cannot stand in a kernel; the message says what."""


@dataclass(frozen=True)
class Node:
    """One operator: `name = operator(arguments, options)`; an argument is another name or a number.

    A mask is a result of truth values. A row is one number for the whole row of units; the operator `sum` makes it
    of one number for each unit.
    """

    name: str
    operator: str
    arguments: tuple[Argument, ...]
    options: tuple[tuple[str, Argument], ...] = ()
    mask: bool = False
    row: bool = False

    @property
    def reduces(self) -> bool:
        """Whether it needs the whole row of units before anything can go on."""
        return self.operator == "sum"


@dataclass(frozen=True)
class Program:
    """One step of a cell as a list of pointwise operators.

    Leaves are called `x_<gate>`, `r_<gate>`, `s_<state>`, `w_<vector>`, `n_<noise>` and, backward, `d_<state>`:
    the cotangent of the new state.

    Attributes:
        states: in the order of `Cell.states`.
        recurrent: how many of them the recurrent weights multiply.
        projected: whether `h` is projected before it is put out and carried on; then its value is saved.
        forward: the operators from the leaves to the new state.
        state: per state, the argument that holds its new value.
        watch: whether every signal is watched: backward takes the cotangents of all steps' states and signals.
        watched: the signals, states aside, whose values are the first of the saved ones then, and whose cotangents
            are leaves `d_<signal>`.
        saved: what backward needs and cannot recompute from states and vectors.
        backward: the operators from the saved values, the states and the cotangents to the gradients.
        gradients: per leaf (`x_i`, `r_i`, `s_c`, `w_p`), the argument that holds its cotangent.
    """

    gates: tuple[str, ...]
    states: tuple[str, ...]
    recurrent: int
    projected: bool
    vectors: tuple[str, ...]
    noise: tuple[str, ...]
    forward: tuple[Node, ...]
    state: Mapping[str, Argument]
    watch: bool = False
    watched: tuple[str, ...] = ()
    saved: tuple[Argument, ...] = ()
    backward: tuple[Node, ...] = ()
    gradients: Mapping[str, Argument] = field(default_factory=dict)

    @cached_property
    def reduces(self) -> bool:
        """Whether a sum over units is taken."""
        return any(node.reduces for node in (*self.forward, *self.backward))

    @cached_property
    def apart(self) -> bool:
        """Whether the two contributions to a gate have different gradients (as in a GRU)."""
        return any(self.gradients[f"x_{gate}"] != self.gradients[f"r_{gate}"] for gate in self.gates)


def trace(cell: Cell, differentiate: bool, watch: bool = False, projected: bool = False) -> Program:
    """The program of a cell, with its derivative if asked for, and then with every signal watched if asked for.

    Raises:
        Untraceable: the cell uses a tensor from elsewhere, a value or a size as a Python number, or an
            operator whose result is not one tensor.
    """
    # PyTorch's modes belong to a thread: in a new one there are none, whatever is under way here.
    with ThreadPoolExecutor(1) as clean:
        programs = [clean.submit(traced_at, size, cell, differentiate, watch, projected).result() for size in SIZES]
    return general(*programs)


def general(program: Program, other: Program) -> Program:
    """The program for every hidden size, from what two sizes show."""
    forward, backward = (
        tuple(itertools.starmap(general_node, zip(*both, strict=True))) if len(both[0]) == len(both[1]) else ()
        for both in ((program.forward, other.forward), (program.backward, other.backward))
    )
    found = replace(program, forward=forward, backward=backward)
    if found != replace(other, forward=forward, backward=backward):
        raise Untraceable("it computes something else for another hidden size")
    return found


def general_node(node: Node, other: Node) -> Node:
    """The operator for every hidden size."""
    if len(node.arguments) != len(other.arguments):
        raise Untraceable("it computes something else for another hidden size")
    arguments = tuple(map(general_argument, node.arguments, other.arguments))
    if replace(node, arguments=arguments) != replace(other, arguments=arguments):
        raise Untraceable("it computes something else for another hidden size")
    return replace(node, arguments=arguments)


def general_argument(one: Argument, other: Argument) -> Argument:
    """An argument as it is for every hidden size."""
    small, large = SIZES
    if one == other or not isinstance(one, float) or not isinstance(other, float):
        return one
    if math.isclose(one / small, other / large, rel_tol=1e-12):
        return Units(one / small, inverse=False)
    if math.isclose(one * small, other * large, rel_tol=1e-12):
        return Units(one * small, inverse=True)
    raise Untraceable("it computes something else for another hidden size")


def traced_at(hidden_size: int, cell: Cell, differentiate: bool, watch: bool, projected: bool) -> Program:
    """The program as one hidden size shows it."""
    states = cell.states
    leaves = {
        f"{kind}_{name}": example(hidden_size).requires_grad_(differentiate)
        for kind, names in (("x", cell.gates), ("r", cell.gates), ("s", cell.state), ("w", cell.vectors))
        for name in names
    }
    noise = {f"n_{name}": example(hidden_size) for name in cell.noise}
    watched = tuple(name for name in cell.signals if watch and name not in states)
    cotangents = {f"d_{name}": example(hidden_size) for name in (*states, *watched)}
    groups = [[leaves[name] for name in leaves if name.startswith(kind)] for kind in ("x_", "r_", "s_", "w_")]
    groups[-1] += noise.values()
    names = cell.gates, states, len(cell.recurrent), projected, tuple(cell.vectors), cell.noise
    with torch.set_grad_enabled(differentiate), Tape(hidden_size, {**leaves, **noise}) as tape:
        signals = signals_on(cell, groups)
        tape.rename(signals, cotangents)
        state = {name: tape.argument(signals[name]) for name in states}
        values = [tape.argument(signals[name]) for name in watched]
        forward = live(tape.nodes, [*state.values(), *values])
        if projected and any(f"s_{name}" in node.arguments for node in forward for name in cell.recurrent):
            raise Untraceable("it reads its last output, which is projected")
        if not differentiate:
            return Program(*names, forward, state)
        tape.introduce(cotangents)
        tape.differentiating = True
        boundary = len(tape.nodes)
        gradients = torch.autograd.grad(
            [signals[name] for name in (*states, *watched) if signals[name].requires_grad],
            list(leaves.values()),
            [cotangents[f"d_{name}"] for name in (*states, *watched) if signals[name].requires_grad],
            allow_unused=True,
        )
        found = {
            name: 0.0 if gradient is None else tape.argument(gradient)
            for name, gradient in zip(leaves, gradients, strict=True)
        }
    free = (
        {name for name in leaves if name[0] in "sw"}
        | set(noise)
        | {value for value in state.values() if isinstance(value, str)}
    )
    derivative = live(tape.nodes[boundary:], found.values())
    if projected:
        values = [*values, state["h"]]
    saved, again = divided(tape.nodes[:boundary], derivative, free, set(leaves), found.values(), values)
    return Program(*names, forward, state, watch, watched, saved, (*again, *derivative), found)


def example(hidden_size: int) -> Tensor:
    """A tiny tensor to trace with."""
    return torch.full((hidden_size,), 0.5, dtype=DTYPE, device="cpu")


def signals_on(cell: Cell, groups: Sequence[Sequence[Tensor]]) -> dict[str, Tensor]:
    """The cell on single rows; whatever goes wrong there is a reason not to trace."""
    try:
        return cell(*groups)
    except Untraceable:
        raise
    except Exception as error:
        raise Untraceable(f"it fails on tensors with the one dimension of the units: {error}") from error


def live(nodes: Sequence[Node], results: Iterable[Argument]) -> tuple[Node, ...]:
    """The nodes that the results need, in their order."""
    needed = {result for result in results if isinstance(result, str)}
    kept = []
    for node in reversed(nodes):
        if node.name in needed:
            kept.append(node)
            needed.update(argument for argument in node.arguments if isinstance(argument, str))
    return tuple(reversed(kept))


def divided(
    forward: Sequence[Node],
    backward: Sequence[Node],
    free: set[str],
    leaves: set[str],
    results: Iterable[Argument],
    watched: Sequence[Argument],
) -> tuple[tuple[Argument, ...], tuple[Node, ...]]:
    """Which forward values to save for backward, the watched ones first, and which nodes to run again there.

    A value is saved only if it does not follow from the states, the vectors and what is saved already. Masks are
    not saved: what they are made of is.
    """
    wanted = {argument for node in backward for argument in node.arguments} | set(results)
    for node in reversed(forward):
        if node.mask and node.name in wanted:
            wanted.update(node.arguments)
    saved = [*watched, *sorted((leaves & wanted) - free - {*watched})]
    known = free | {value for value in saved if isinstance(value, str)}
    following = set(known)
    for node in forward:
        if following.issuperset(argument for argument in node.arguments if isinstance(argument, str)):
            following.add(node.name)
        elif node.name in wanted - following and not node.mask:
            saved.append(node.name)
            known.add(node.name)
            following.add(node.name)
    again = live([node for node in forward if node.name not in known], [*wanted])
    return tuple(saved), again


class Tape(TorchDispatchMode):
    """Writes down every operator that runs under it, by the names of the tensors."""

    def __init__(self, size: int, leaves: Mapping[str, Tensor]) -> None:
        self.size = size
        super().__init__()  # type: ignore[no-untyped-call]
        self.nodes: list[Node] = []
        self.alive: list[Any] = []
        self.names: dict[int, Argument] = {}
        self.differentiating = False  # PyTorch's own formulas write in place and use numbers as tensors; cells may not
        self.introduce(leaves)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # the base class would import all of torch.compile, a second and more

    def introduce(self, tensors: Mapping[str, Tensor]) -> None:
        """Give tensors that come from outside their names."""
        for name, tensor in tensors.items():
            self.alive.append(tensor)
            self.names[id(tensor)] = name

    def rename(self, signals: Mapping[str, Tensor], others: Iterable[str]) -> None:
        """Call the nodes that make signals by the names of the signals, unless other values have them."""
        made = {node.name for node in self.nodes}
        taken = {*self.names.values(), *others}
        new = {
            self.argument(value): name
            for name, value in signals.items()
            if name not in taken and self.argument(value) in made
        }
        self.nodes = [
            Node(
                str(new.get(node.name, node.name)),
                node.operator,
                tuple(new.get(argument, argument) for argument in node.arguments),
                node.options,
                node.mask,
                node.row,
            )
            for node in self.nodes
        ]
        self.names = {key: new.get(name, name) for key, name in self.names.items()}

    def argument(self, value: Any) -> Argument:
        """The name of a tensor, or the number that a constant is."""
        if value is None:
            return None
        if not isinstance(value, Tensor):
            return float(value)
        if id(value) in self.names:
            return self.names[id(value)]
        if self.differentiating and value.dim() == 0:
            return float(value)
        raise Untraceable("it uses a tensor that is neither an argument nor a number; declare it in vectors=")

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        operator = function.overloadpacket.__name__
        if operator in QUESTIONS:
            return result
        if not isinstance(result, Tensor):
            raise Untraceable(f"the operator {operator} gives {type(result).__name__}, not one tensor")
        self.alive.append(result)
        if operator.endswith("_") and not self.differentiating:
            raise Untraceable(f"the operator {operator} writes over a tensor")
        check_dtypes(operator, args, result)
        if result.numel() not in (1, self.size) or result.dim() > 1:
            raise Untraceable(f"the operator {operator} gives neither a number for each unit nor one for all of them")
        if operator in REDUCTIONS:
            self.names[id(result)] = self.reduce(operator, args, kwargs or {})
        elif operator in ALIASES:
            self.names[id(result)] = self.argument(args[0])
        elif operator in FILLED:
            self.names[id(result)] = FILLED[operator]
        elif operator in NUMBERS:
            self.names[id(result)] = float(args[NUMBERS[operator]])
        elif self.is_constant(args) and result.dtype == DTYPE:
            exact = [
                torch.tensor(self.argument(each), dtype=torch.float64) if isinstance(each, Tensor) else each
                for each in args
            ]
            self.names[id(result)] = float(function(*exact, **(kwargs or {})))
        elif any(isinstance(each, Tensor) for each in args):
            mask, row = result.dtype == torch.bool, result.numel() == 1
            self.names[id(result)] = self.record(operator.rstrip("_"), args, kwargs or {}, mask, row)
        return result

    def reduce(self, operator: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Argument:
        """Write the reduction of a row of units to one number down, in sums."""
        dims = args[1] if len(args) > 1 else kwargs.get("dim")
        if not self.differentiating and dims not in (-1, [-1]):
            raise Untraceable(f"the operator {operator} goes over dimension {dims}; over the units it is dimension -1")
        value, count = self.argument(args[0]), Units(1.0, inverse=True)
        if args[0].numel() == 1:
            if operator == "var":
                raise Untraceable("it takes the variance of a single number")
            return value
        if operator == "sum":
            return self.add("sum", (value,), row=True)
        mean = self.add("mul", (self.add("sum", (value,), row=True), count), row=True)
        if operator == "mean":
            return mean
        if kwargs.get("correction", 1) != 0:
            raise Untraceable("the variance has a correction; the kernels know it with correction=0 only")
        apart = self.add("sub", (value, mean))
        return self.add("mul", (self.add("sum", (self.add("mul", (apart, apart)),), row=True), count), row=True)

    def add(
        self,
        operator: str,
        arguments: tuple[Argument, ...],
        options: tuple[tuple[str, Argument], ...] = (),
        mask: bool = False,
        row: bool = False,
    ) -> str:
        """One more node."""
        name = str(len(self.nodes))  # no signal is called so
        self.nodes.append(Node(name, operator, arguments, options, mask, row))
        return name

    def is_constant(self, args: tuple[Any, ...]) -> bool:
        """Whether an operator computes with numbers only: all its tensors are full of one number."""
        tensors = [each for each in args if isinstance(each, Tensor)]
        return bool(tensors) and all(isinstance(self.argument(each), float) for each in tensors)

    def record(self, operator: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], mask: bool, row: bool) -> str:
        """Write one operator down."""
        for value in (*args, *kwargs.values()):
            if value is not None and not isinstance(value, Tensor | int | float):
                raise Untraceable(f"the operator {operator} is used with {value!r}")
        if mask and self.is_constant(args):
            raise Untraceable(f"the operator {operator} gives a truth value that is the same for all units")
        options = tuple((key, self.argument(value)) for key, value in kwargs.items())
        return self.add(operator, tuple(map(self.argument, args)), options, mask, row)


def check_dtypes(operator: str, args: Sequence[Any], result: Tensor) -> None:
    """One dtype throughout; truth values come from comparisons and go into a choice or their own operators."""
    kinds = {each.dtype for each in args if isinstance(each, Tensor)} - {DTYPE}
    if result.dtype not in (DTYPE, torch.bool) or (
        kinds and (kinds != {torch.bool} or operator.rstrip("_") not in ON_MASKS)
    ):
        raise Untraceable(f"the operator {operator} changes the dtype or computes with truth values")
    name = operator.rstrip("_")
    if name in CHOICES and result.dtype == torch.bool:
        raise Untraceable(f"the operator {operator} chooses between truth values")
    if name in ON_MASKS - CHOICES and any(not isinstance(each, Tensor) or each.dtype == DTYPE for each in args):
        raise Untraceable(f"the operator {operator} takes numbers for truth values")
