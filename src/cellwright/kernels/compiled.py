"""The one way in which functions of kernels are compiled: to LLVM's language only.

Numba would make each function callable by itself, in machine code and with a wrapper for Python. Only the whole
kernel is ever called, so a function is registered with Numba's contexts for calls from other functions, and the
machine code is made once, for all of them together.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from numba import types
from numba.core import compiler, typed_passes, untyped_passes
from numba.core.compiler import CompilerBase
from numba.core.compiler_machinery import PassManager
from numba.core.registry import cpu_target
from numba.core.typing.templates import AbstractTemplate

CALL = types.CPointer(types.int64)  # the fields, by position
known: dict[Callable[..., Any], Any] = {}  # what was compiled
KINDS = {int: types.int64, bool: types.boolean, Any: CALL}


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile for calls from other functions of a kernel, for the annotated types, without checks.

    `int` is a 64-bit integer, `bool` a truth value, `Any` the array of fields. It happens when a function that is
    compiled calls it first: what a kernel does not use costs nothing.
    """

    class Typing(AbstractTemplate):
        key = function

        def generic(self, args: tuple[types.Type, ...], kwargs: Any) -> Any:
            if function not in known:
                result = known[function] = translated(function)
                cpu_target.target_context.insert_user_function(function, result.fndesc, [result.library])
            return known[function].signature

    cpu_target.typing_context.insert_user_function(function, Typing)
    return function


class Lean(CompilerBase):
    """Numba's way from a function to LLVM, without what plain loops and arithmetic on integers do not need."""

    def define_pipelines(self) -> list[PassManager]:
        passes = PassManager("lean")
        for each in (
            untyped_passes.TranslateByteCode,
            untyped_passes.FixupArgs,
            untyped_passes.IRProcessing,
            untyped_passes.DeadBranchPrune,
            untyped_passes.ReconstructSSA,
            typed_passes.NopythonTypeInference,
            typed_passes.PreLowerStripPhis,
            typed_passes.IRLegalization,
            typed_passes.NativeLowering,
            typed_passes.NoPythonBackend,
        ):
            passes.add_pass(each, each.__name__)
        passes.finalize()
        return [passes]


def translated(function: Callable[..., Any]) -> Any:
    """Numba's result for a function: its types, and a library in LLVM's language."""
    kinds = tuple(KINDS[each.annotation] for each in inspect.signature(function).parameters.values())
    flags = compiler.Flags()
    flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    flags.error_model = "numpy"
    contexts = cpu_target.typing_context, cpu_target.target_context
    result = compiler.compile_extra(*contexts, function, kinds, None, flags, {}, pipeline_class=Lean)
    result.library._finalized = True  # else each function that calls it would have machine code made of it
    return result
