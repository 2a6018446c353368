"""One of two numbers, by chance, in one pass on a CPU; PyTorch's comparison takes several times as long."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

import torch
from llvmlite import ir
from torch import Tensor

from . import native
from .host import host_target
from .tile import loop
from .vectors import SCALARS, WORD, Vector, lanes_below, load_lanes, load_masked, splat, store_lanes, store_masked

KINDS = {torch.float32: "float32", torch.float64: "float64"}
CHANCE = ir.IntType(16)


def choices_module(vector: Vector, symbol: str) -> str:
    """The LLVM source of `choose(chances, numbers, rows, columns, pitch, highest, number, otherwise)`.

    Of each row, so many columns: the number where a chance is not above the highest, else the other one. The pitch
    is what lies between the beginnings of two rows; all counts are in numbers.
    """
    module = ir.Module("choices")
    scalar, chances = SCALARS[vector.kind], Vector("int16", vector.lanes)
    kind = ir.FunctionType(ir.VoidType(), [WORD] * 5 + [CHANCE, scalar, scalar])
    function = ir.Function(module, kind, symbol)
    drawn, to, rows, columns, pitch, highest, number, otherwise = function.args
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    limit = splat(builder, chances.llvm, highest)
    numbers = [splat(builder, vector.llvm, each) for each in (number, otherwise)]
    sizes = WORD(2), WORD(vector.bytes // vector.lanes)
    whole = builder.udiv(columns, WORD(vector.lanes))
    left = lanes_below(builder, vector, builder.urem(columns, WORD(vector.lanes)))

    def chosen(found: ir.Value) -> ir.Value:
        return builder.select(builder.icmp_signed("<=", found, limit), *numbers)

    with loop(builder, rows, [drawn, to]) as (*begins, following):
        following += [builder.add(at, builder.mul(pitch, size)) for at, size in zip(begins, sizes, strict=True)]
        with loop(builder, whole, begins) as (here, there, ends):
            ends += [builder.add(here, WORD(2 * vector.lanes)), builder.add(there, WORD(vector.bytes))]
            store_lanes(builder, there, chosen(load_lanes(builder, chances.llvm, here)))
        here, there = ends
        store_masked(builder, vector, there, chosen(load_masked(builder, chances, here, left)), left)
    builder.ret_void()
    return str(module)


@cache
def routine(dtype: torch.dtype) -> Callable[..., None]:
    """That function."""
    at = native.routine("choices", Vector(KINDS[dtype], host_target(KINDS[dtype]).lanes), choices_module)
    number = ctypes.c_float if dtype == torch.float32 else ctypes.c_double
    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5, ctypes.c_int16, number, number)(at)


def choose(chances: Tensor, highest: int, number: float, otherwise: float, numbers: Tensor) -> None:
    """Fill an array `[rows, columns]` with the number where a chance of 16 bits is at most the highest, else the other.

    Both arrays have the same strides, of 1 from column to column.
    """
    rows, columns = numbers.shape
    call = routine(numbers.dtype)
    call(chances.data_ptr(), numbers.data_ptr(), rows, columns, numbers.stride(0), highest, number, otherwise)
