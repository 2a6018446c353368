"""Hashes of many positions in one pass on a CPU; PyTorch's operators would write and read them twelve times.

SplitMix64 (Steele, Lea & Flood 2014): of position n behind a start, `start + n * STEP`, its bits mixed.
"""

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
from .vectors import WORD, Vector, store_lanes

STEP = 0x9E3779B97F4A7C15  # from one position to the next
MIXING = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1))
"""By how many bits a hash is shifted upon itself, and what it is multiplied by then."""
LANES = 8
WORDS = ir.VectorType(WORD, LANES)


def hashes_module(vector: Vector, symbol: str) -> str:
    """The LLVM source of `hashes(start, count, address)`, for a whole number of vectors."""
    module = ir.Module("hashes")
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [WORD] * 3), symbol)
    start, count, at = function.args
    builder = ir.IRBuilder(function.append_basic_block("entry"))

    def words(values: list[int]) -> ir.Constant:
        return ir.Constant(WORDS, [value % (1 << 64) for value in values])

    first = builder.insert_element(ir.Constant(WORDS, ir.Undefined), start, WORD(0))
    first = builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))
    first = builder.add(first, words([(n + 1) * STEP for n in range(LANES)]))
    with loop(builder, builder.udiv(count, WORD(LANES)), [at, first]) as (place, z, results):
        results += [builder.add(place, WORD(8 * LANES)), builder.add(z, words([LANES * STEP] * LANES))]
        for shift, factor in MIXING:
            z = builder.mul(builder.xor(z, builder.lshr(z, words([shift] * LANES))), words([factor] * LANES))
        store_lanes(builder, place, z)
    builder.ret_void()
    return str(module)


@cache
def routine() -> Callable[[int, int, int], None]:
    """That function."""
    at = native.routine("hashes", Vector("float32", host_target("float32").lanes), hashes_module)
    return ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)(at)


def hashes_in_one_pass(start: int, count: int) -> Tensor:
    """The hashes of positions 1, 2, ...: `[count]` of 64 bits."""
    whole = -(-count // LANES) * LANES
    found = torch.empty(whole, dtype=torch.int64, device="cpu")
    routine()(start, whole, found.data_ptr())
    return found[:count]
