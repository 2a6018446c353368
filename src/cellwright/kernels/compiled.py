"""The one way in which functions of kernels are compiled."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from numba import njit, types

CALL = types.CPointer(types.int64)  # the fields, by position
KINDS = {int: types.int64, bool: types.boolean, Any: CALL}


def compiled(function: Callable[..., Any]) -> Any:
    """Compile for use in kernels: once, for the annotated types, without checks or wrappers for Python.

    `int` is a 64-bit integer, `bool` a truth value, `Any` the array of fields.
    """
    kinds = tuple(KINDS[each.annotation] for each in inspect.signature(function).parameters.values())
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "error_model": "numpy", "_nrt": False}
    return njit(kinds, **options)(function)
