"""The register tile: a small matrix product whose sums never leave the registers.

    C[m, v] = start[m, v] + sum over k of A[m, k] * B[k, v]

for up to a few rows m and vectors v; start and C have the same step from vector to vector. Every stride is an
argument, so one tile serves all products of a layer: inputs, recurrence, and the three of the weight gradients. Each
sum runs over k in order, whatever the number of rows: a row has the same bits alone and in a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from llvmlite import ir

from .vectors import WORD, BFloat16, Lanes, Vector, constant, external, load_lanes, splat, store_lanes

Add = Callable[..., ir.Value]
"""What adds a product to a sum: `(builder, vector, a, b, sum)`."""


class Operands(NamedTuple):
    """What a tile reads and writes: addresses and strides in bytes, counts in rows, vectors and numbers."""

    rows: ir.Value
    vectors: ir.Value
    a: ir.Value
    a_row: ir.Value
    a_k: ir.Value
    b: ir.Value
    b_k: ir.Value
    b_vector: ir.Value
    k: ir.Value
    start: ir.Value
    start_row: ir.Value
    c: ir.Value
    c_row: ir.Value
    c_vector: ir.Value


SIGNATURE = ir.FunctionType(ir.VoidType(), [WORD] * len(Operands._fields))


def tile_module(vector: Vector, symbol: str, most_rows: int, widths: Sequence[int], half: bool, narrow: bool) -> str:
    """The LLVM source of a function on `Operands`, with one loop for each number of rows and each of vectors.

    As half a tile it computes the first halves of vectors of twice the width, and puts zeros into their second halves.
    If narrow, a and b are words of two bfloat16, whose two products are added.
    """
    module = ir.Module("tile")
    function = ir.Function(module, SIGNATURE, symbol)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    operands = Operands(*function.args)
    sizes = builder.append_basic_block("nothing")
    choice = builder.add(builder.mul(operands.vectors, WORD(most_rows + 1)), operands.rows)
    switch = builder.switch(choice, sizes)
    for vectors in widths:
        for rows in range(1, most_rows + 1):
            block = builder.append_basic_block(f"rows{rows}_vectors{vectors}")
            switch.add_case(WORD(vectors * (most_rows + 1) + rows), block)
            builder.position_at_end(block)
            emit_tile(builder, vector, operands, rows, vectors, half, dot if narrow else fused)
            builder.ret_void()
    builder.position_at_end(sizes)
    builder.ret_void()
    return str(module)


def emit_tile(
    builder: ir.IRBuilder, vector: Vector, at: Operands, rows: int, vectors: int, half: bool, add: Add
) -> None:
    """One tile of a fixed size: load the start, loop over k, store."""
    cells = [(m, v) for m in range(rows) for v in range(vectors)]
    scalar = vector.llvm.element

    def moved(base: ir.Value, m: int, row: ir.Value, v: int, step: ir.Value) -> ir.Value:
        return builder.add(builder.add(base, builder.mul(row, WORD(m))), builder.mul(step, WORD(v)))

    start = [load_lanes(builder, vector.llvm, moved(at.start, m, at.start_row, v, at.c_vector)) for m, v in cells]
    with loop(builder, at.k, [at.a, at.b, *start]) as (a, b, *sums, results):
        b_vectors = [
            load_lanes(builder, vector.llvm, builder.add(b, builder.mul(at.b_vector, WORD(v)))) for v in range(vectors)
        ]
        results += [builder.add(a, at.a_k), builder.add(b, at.b_k)]
        for m in range(rows):
            pointer = builder.inttoptr(builder.add(a, builder.mul(at.a_row, WORD(m))), scalar.as_pointer())
            spread = splat(builder, vector.llvm, builder.load(pointer, typ=scalar))
            for v in range(vectors):
                results.append(add(builder, vector, spread, b_vectors[v], sums[m * vectors + v]))
    for (m, v), value in zip(cells, results[2:], strict=True):
        to = moved(at.c, m, at.c_row, v, at.c_vector)
        store_lanes(builder, to, value)
        if half:
            store_lanes(builder, builder.add(to, WORD(vector.bytes)), constant(vector, 0.0))


def fused(builder: ir.IRBuilder, vector: Vector, *values: ir.Value) -> ir.Value:
    """`a * b + c`, rounded once."""
    a, b, c = (Lanes(builder, vector, value) for value in values)
    return a.call("fma", b, c).value


def dot(builder: ir.IRBuilder, vector: Vector, *values: ir.Value) -> ir.Value:
    """`a0 * b0 + a1 * b1 + c` for words (a0, a1) and (b0, b1) of bfloat16 (AVX512-BF16)."""
    words = ir.VectorType(BFloat16(), 2 * vector.lanes)
    a, b = (builder.bitcast(value, words) for value in values[:2])
    kind = ir.FunctionType(vector.llvm, [vector.llvm, words, words])
    function = external(builder, f"llvm.x86.avx512bf16.dpbf16ps.{8 * vector.bytes}", kind)
    return builder.call(function, [values[2], a, b])


@contextmanager
def loop(builder: ir.IRBuilder, count: ir.Value, carried: list[ir.Value]) -> Iterator[list[Any]]:
    """A counted loop over carried values.

    Yields the carried values and an empty list, into which the body puts their successors; behind the loop
    that list holds the final values. A count below 1 leaves the carried values as they are.
    """
    before = builder.block
    body, after = builder.append_basic_block("k"), builder.append_basic_block("end")
    builder.cbranch(builder.icmp_signed(">", count, WORD(0)), body, after)
    builder.position_at_end(body)
    step = phi(builder, (WORD(0), before))
    current = [phi(builder, (value, before)) for value in carried]
    results: list[ir.Value] = []
    yield [*current, results]
    following, last = builder.add(step, WORD(1)), builder.block
    for each, value in zip([step, *current], [following, *results], strict=True):
        each.add_incoming(value, last)
    builder.cbranch(builder.icmp_signed("<", following, count), body, after)
    builder.position_at_end(after)
    results[:] = [phi(builder, (value, before), (results[n], last)) for n, value in enumerate(carried)]


def phi(builder: ir.IRBuilder, *incoming: tuple[ir.Value, ir.Block]) -> Any:
    """A value that depends on where control came from."""
    node = builder.phi(incoming[0][0].type)
    for value, block in incoming:
        node.add_incoming(value, block)
    return node
