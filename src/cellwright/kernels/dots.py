"""Dot products with the rows of a matrix as the caller stores it: what a few rows of a batch take, unpacked.

    C[m, l] = start[m, l] + sum over k of A[m, k] * B[l, k]

for one vector of results l. Each sum is taken in as many parts as a vector has lanes, which are added at the end.
A packed matrix is quicker where many rows share it, but it must be known to be that of the caller still.
"""

from __future__ import annotations

from typing import NamedTuple

from llvmlite import ir

from .tile import fused, loop
from .turn import interleaving
from .vectors import WORD, Vector, constant, lanes_below, load_lanes, load_masked, store_lanes


class Operands(NamedTuple):
    """Addresses and strides in bytes; counts in rows and numbers.

    Attributes:
        left: rows of B that exist; where a vector has more lanes, their sums are zero.
    """

    rows: ir.Value
    left: ir.Value
    a: ir.Value
    a_row: ir.Value
    b: ir.Value
    b_row: ir.Value
    k: ir.Value
    start: ir.Value
    start_row: ir.Value
    c: ir.Value
    c_row: ir.Value


SIGNATURE = ir.FunctionType(ir.VoidType(), [WORD] * len(Operands._fields))
TOGETHER = 4  # rows of B that share an address, so that the addresses of all fit into registers


def dots_module(vector: Vector, symbol: str) -> str:
    """The LLVM source of a function on `Operands`."""
    module = ir.Module("dots")
    function = ir.Function(module, SIGNATURE, symbol)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    at = Operands(*function.args)
    with loop(builder, at.rows, [at.a, at.start, at.c]) as (a, start, c, results):
        total = summed(builder, vector, sums_of_products(builder, vector, at, a))
        store_lanes(builder, c, builder.fadd(load_lanes(builder, vector.llvm, start), total))
        results += [builder.add(a, at.a_row), builder.add(start, at.start_row), builder.add(c, at.c_row)]
    builder.ret_void()
    return str(module)


def sums_of_products(builder: ir.IRBuilder, vector: Vector, at: Operands, a: ir.Value) -> list[ir.Value]:
    """For each row of B the products with one row of A, added up lane by lane.

    Whole vectors of whole blocks of rows are read as they are; at the edges of the matrix with masks.
    """
    lanes, step = WORD(vector.lanes), WORD(vector.bytes)
    whole = builder.select(builder.icmp_signed(">=", at.left, lanes), builder.udiv(at.k, lanes), WORD(0))
    rest = builder.sub(builder.udiv(builder.add(at.k, WORD(vector.lanes - 1)), lanes), whole)
    firsts = range(0, vector.lanes, TOGETHER)
    places = [builder.add(at.b, builder.mul(at.b_row, WORD(n))) for n in firsts]
    offsets = [builder.mul(at.b_row, WORD(n)) for n in range(TOGETHER)]
    zeros = [constant(vector, 0.0)] * vector.lanes
    with loop(builder, whole, [a, *places, *zeros]) as (a, *carried, results):
        places, sums = carried[: len(places)], carried[len(places) :]
        row = load_lanes(builder, vector.llvm, a)
        results += [builder.add(each, step) for each in (a, *places)]
        for n, each in enumerate(sums):
            place = builder.add(places[n // TOGETHER], offsets[n % TOGETHER])
            results.append(fused(builder, vector, row, load_lanes(builder, vector.llvm, place), each))
    a, *carried = results
    places, sums = carried[: len(places)], carried[len(places) :]
    remaining = builder.sub(at.k, builder.mul(whole, lanes))
    with loop(builder, rest, [remaining, a, *places, *sums]) as (remaining, a, *carried, results):
        places, sums = carried[: len(places)], carried[len(places) :]
        mask = lanes_below(builder, vector, remaining)
        row = load_masked(builder, vector, a, mask)
        results += [builder.sub(remaining, lanes), *(builder.add(each, step) for each in (a, *places))]
        for n, each in enumerate(sums):
            place = builder.add(places[n // TOGETHER], offsets[n % TOGETHER])
            exists = builder.select(builder.icmp_signed("<", WORD(n), at.left), mask, ir.Constant(mask.type, None))
            results.append(fused(builder, vector, row, load_masked(builder, vector, place, exists), each))
    return results[2 + len(places) :]


def summed(builder: ir.IRBuilder, vector: Vector, rows: list[ir.Value]) -> ir.Value:
    """The sum of the lanes of each row, in the lane of its number: halves are added up pair by pair of rows."""
    low, high = interleaving(vector.lanes)
    while len(rows) > 1:
        half = len(rows) // 2
        rows = [
            builder.fadd(builder.shuffle_vector(a, b, low), builder.shuffle_vector(a, b, high))
            for a, b in zip(rows[:half], rows[half:], strict=True)
        ]
    return rows[0]
