"""What kernels are made of: compiled functions, which call one another, and instructions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
marked: set[Callable[..., Any]] = set()


def compiled(function: F) -> F:
    """A function that kernels call, in the part of Python that `translator` knows, with annotated types.

    `int` is a 64-bit integer, `bool` a truth value, `Any` the array of fields, of which none is read that a kernel
    writes. What a kernel does not call costs nothing.
    """
    marked.add(function)
    return function


class Instruction:
    """What stands in place of a call: `emit(builder, *arguments)` is called when the kernel is compiled."""

    def __init__(self, emit: Callable[..., Any]) -> None:
        self.emit = emit

    def __get__(self, owner: object, kind: type) -> Instruction:
        return Instruction(partial(self.emit, owner))


def instruction(emit: Callable[..., Any]) -> Any:
    """Let a kernel call what emits instructions. Usable as a decorator, of methods too."""
    return Instruction(emit)
