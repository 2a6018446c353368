"""The plan: which backend runs a layer, and why not a faster one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache

import torch
import torch.autograd.forward_ad
from torch import Tensor

from ..cells import Cell
from ..errors import InputError, nearest
from . import cpu, host, operator, reference
from .check import check
from .layer import Layer
from .program import Untraceable

BACKENDS = ("reference", "cpu", "gpu")
_forced: ContextVar[str | None] = ContextVar("backend", default=None)


@dataclass(frozen=True)
class Choice:
    """A backend, and the reason for it in words."""

    backend: str
    reason: str

    def __str__(self) -> str:
        return f"{self.backend}: {self.reason}"


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Run every layer on one backend: `reference` (the cell in a Python loop), `cpu` or `gpu`.

    >>> import torch, cellwright as cw
    >>> lstm, x = cw.LSTM(3, 4), torch.ones(2, 1, 3)
    >>> with cw.backend("reference"):
    ...     y, _ = lstm(x)
    >>> bool(torch.allclose(y, lstm(x)[0]))
    True

    Raises:
        InputError: there is no backend of that name; or, when a layer runs, it cannot run there.
    """
    if name not in BACKENDS:
        raise InputError(f"a backend is one of {', '.join(BACKENDS)}, not {name!r}; {nearest(name, BACKENDS)}")
    token = _forced.set(name)
    try:
        yield
    finally:
        _forced.reset(token)


def choose(layer: Layer, watch: bool = False) -> Choice:
    """The backend for a layer, or for watching its signals: the CPU kernel where it can run, else the reference.

    Raises:
        InputError: the backend that was asked for cannot run the layer.
    """
    forced = _forced.get()
    if forced == "reference":
        return Choice("reference", "asked for by cellwright.backend")
    obstacle = obstacle_to_kernel(layer, watch)
    if forced == "gpu":
        raise InputError("there is no GPU kernel in this version; ask for 'cpu' or 'reference'")
    if obstacle is None:
        return Choice("cpu", f"{layer.cell.name} in {layer.x.dtype} runs in a compiled kernel")
    if forced == "cpu":
        raise InputError(f"the CPU kernel cannot run this: {obstacle}; leave the choice open or ask for 'reference'")
    return Choice("reference", obstacle)


def obstacle_to_kernel(layer: Layer, watch: bool) -> str | None:
    """Why the CPU kernel cannot run a layer; None if it can."""
    x = layer.x
    if x.device.type != "cpu":
        return f"the data are on {x.device}, and the kernel runs on the CPU"
    if x.dtype not in cpu.DTYPES:
        return f"the kernel computes in float32 and float64, and the data are {x.dtype}"
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return "a functional transform (torch.func) is under way, and the kernel has plain gradients only"
    if torch.autograd.forward_ad._current_level >= 0:
        return "forward-mode differentiation is under way, and the kernel has plain gradients only"
    return obstacle_of(layer.cell, x.dtype, watch or operator.needs_derivative(layer), watch)


@cache
def obstacle_of(cell: Cell, dtype: torch.dtype, differentiate: bool, watch: bool) -> str | None:
    """Why a cell cannot be printed; None if it can."""
    try:
        cpu.kernel_of(cell, dtype, differentiate, watch)
    except Untraceable as error:
        return f"the cell {cell.name} cannot stand in a kernel: {error}"
    return None


def checked_choice(layer: Layer) -> Choice:
    """The backend for a layer that has been checked.

    Raises:
        InputError: parts of the layer do not fit one another, or the backend that was asked for cannot run it.
    """
    check(layer)
    return choose(layer)


def run(layer: Layer) -> tuple[Tensor, list[Tensor]]:
    """Outputs `[T, B, D * H]` and last states of a layer, on the backend of the plan."""
    backends = {"reference": reference.run, "cpu": operator.run}
    return backends[checked_choice(layer).backend](layer)


def watch(layer: Layer) -> tuple[Tensor, list[Tensor], dict[str, Tensor]]:
    """The same, and every signal by name: `[T, B, D, H]`, or packed `[N, D, H]`."""
    check(layer)
    backends = {"reference": reference.watch, "cpu": operator.watch}
    return backends[choose(layer, watch=True).backend](layer)


def threads_note() -> str:
    """How many threads the kernels use, in words."""
    if host.parallel_runner() is None:
        return "one thread: PyTorch's OpenMP pool was not found"
    return f"up to {torch.get_num_threads()} threads of PyTorch's OpenMP pool"
