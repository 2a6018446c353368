"""The register tile where a processor has AMX: words of two bfloat16, sixteen rows by sixteen lanes at once.

    C[m, v] = start[m, v] + sum over k of A[m, k] * B[k, v]

as `tile` has it, for rows of A whose words stand side by side. The words of B stand as the instructions read them
(TDPBF16PS; Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2). Each sum takes sixteen words at
once, in order, whatever the number of rows: a row has the same bits alone and in a batch.
"""

from __future__ import annotations

from typing import NamedTuple

from llvmlite import ir

from .printer import SIDE
from .tile import SIGNATURE, Operands, loop
from .vectors import WORD, Vector, external

ROW = 4 * SIDE  # bytes of a row of a tile
BYTE = ir.IntType(8)
ADDRESS = BYTE.as_pointer()


class Sweep(NamedTuple):
    """How the eight tiles are used: those of A are one above the other, those of B are filled in turn.

    Attributes:
        sums: of C, by rows and vectors.
        a: parts of A.
        b: parts of B.
    """

    sums: tuple[tuple[int, ...], ...]
    a: tuple[int, ...]
    b: tuple[int, ...]


LOW = Sweep(((0, 1, 2, 3),), (4,), (5, 6, 7))
TALL = Sweep(((0, 1), (2, 3)), (4, 5), (6, 7))


def amx_module(vector: Vector, symbol: str) -> str:
    """The LLVM source of a function on `Operands`, for up to 32 rows and any number of vectors of 16 lanes."""
    module = ir.Module("amx")
    shapes = shapes_of_tiles(module)
    function = ir.Function(module, SIGNATURE, symbol)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    at = Operands(*function.args)
    tall = builder.icmp_signed(">", at.rows, WORD(SIDE))
    step = builder.select(tall, WORD(len(TALL.sums[0])), WORD(len(LOW.sums[0])))
    whole, rest = builder.ashr(at.k, WORD(SIDE.bit_length() - 1)), builder.and_(at.k, WORD(SIDE - 1))
    some, ragged = (builder.icmp_signed(">", each, WORD(0)) for each in (whole, rest))
    sweeps = builder.sdiv(builder.add(at.vectors, builder.sub(step, WORD(1))), step)
    with loop(builder, sweeps, [at.vectors, at.b, at.start, at.c]) as (left, b, start, c, results):
        fewer = builder.icmp_signed("<", left, step)
        part = at._replace(vectors=builder.select(fewer, left, step), b=b, start=start, c=c)
        with builder.if_then(builder.or_(some, builder.not_(ragged))):
            emit_sweep(builder, shapes, part, tall, WORD(SIDE), whole)
        with builder.if_then(ragged):
            last = part._replace(
                a=moved(builder, at.a, whole, ROW),
                b=moved(builder, b, builder.mul(whole, at.b_k), SIDE),
                start=builder.select(some, c, start),
                start_row=builder.select(some, at.c_row, at.start_row),
            )
            emit_sweep(builder, shapes, last, tall, rest, WORD(1))
        results.append(builder.sub(left, step))
        for base, stride in ((b, at.b_vector), (start, at.c_vector), (c, at.c_vector)):
            results.append(builder.add(base, builder.mul(stride, step)))
    call(builder, "tilerelease")
    builder.ret_void()
    return str(module)


def shapes_of_tiles(module: ir.Module) -> ir.GlobalVariable:
    """What LDTILECFG reads: 64 bytes for each number of rows, and of words in a row of A."""
    table = bytearray()
    for rows in range(2 * SIDE + 1):
        sweep = TALL if rows > SIDE else LOW
        for depth in range(SIDE + 1):
            widths, heights = [ROW] * 8, [depth] * 8
            for n, (a, sums) in enumerate(zip(sweep.a, sweep.sums, strict=True)):
                widths[a] = 4 * depth
                for tile in (a, *sums):
                    heights[tile] = min(SIDE, rows - n * SIDE)
            table += bytes([1, *[0] * 15, *(n for width in widths for n in (width, 0)), *[0] * 16, *heights, *[0] * 8])
    kind = ir.ArrayType(BYTE, len(table))
    shapes = ir.GlobalVariable(module, kind, "shapes")
    shapes.initializer, shapes.global_constant = ir.Constant(kind, table), True
    shapes.linkage, shapes.align = "private", 64
    return shapes


def emit_sweep(
    builder: ir.IRBuilder, shapes: ir.GlobalVariable, at: Operands, tall: ir.Value, depth: ir.Value, count: ir.Value
) -> None:
    """Up to 32 rows of two vectors, or 16 of four; `count` times over as many k as a tile is deep."""
    place = builder.add(builder.mul(at.rows, WORD(SIDE + 1)), depth)
    call(builder, "ldtilecfg", builder.gep(builder.bitcast(shapes, ADDRESS), [builder.mul(place, WORD(64))]))
    done = builder.append_basic_block("swept")
    kind = builder.add(at.vectors, builder.select(tall, WORD(8), WORD(0)))
    switch = builder.switch(kind, done)
    for sweep, first in ((LOW, 0), (TALL, 8)):
        for vectors in range(1, len(sweep.sums[0]) + 1):
            block = builder.append_basic_block(f"rows{len(sweep.a) * SIDE}_vectors{vectors}")
            switch.add_case(WORD(first + vectors), block)
            builder.position_at_end(block)
            emit_products(builder, sweep, vectors, at, count)
            builder.branch(done)
    builder.position_at_end(done)


def emit_products(builder: ir.IRBuilder, sweep: Sweep, vectors: int, at: Operands, count: ir.Value) -> None:
    """A sweep of a fixed number of vectors: load the start, multiply, store."""
    sums = [(n, v, sweep.sums[n][v]) for n in range(len(sweep.a)) for v in range(vectors)]
    for n, v, tile in sums:
        start = moved(builder, moved(builder, at.start, at.start_row, n * SIDE), at.c_vector, v)
        move(builder, "tileloadd64", tile, start, at.start_row)
    with loop(builder, count, [at.a, at.b]) as (a, b, results):
        for n, tile in enumerate(sweep.a):
            move(builder, "tileloadd64", tile, moved(builder, a, at.a_row, n * SIDE), at.a_row)
        for v in range(vectors):
            from_b = sweep.b[v % len(sweep.b)]
            move(builder, "tileloadd64", from_b, moved(builder, b, at.b_vector, v), at.b_k)
            for tile, from_a in zip((each[v] for each in sweep.sums), sweep.a, strict=True):
                call(builder, "tdpbf16ps", BYTE(tile), BYTE(from_a), BYTE(from_b))
        results += [builder.add(a, WORD(ROW)), moved(builder, b, at.b_k, SIDE)]
    for n, v, tile in sums:
        move(
            builder,
            "tilestored64",
            tile,
            moved(builder, moved(builder, at.c, at.c_row, n * SIDE), at.c_vector, v),
            at.c_row,
        )


def moved(builder: ir.IRBuilder, base: ir.Value, step: ir.Value, times: int) -> ir.Value:
    """An address some steps on."""
    return builder.add(base, builder.mul(step, WORD(times)))


def move(builder: ir.IRBuilder, name: str, tile: int, at: ir.Value, row: ir.Value) -> None:
    """Load or store a tile whose rows in memory are `row` bytes apart."""
    call(builder, name, BYTE(tile), builder.inttoptr(at, ADDRESS), row)


def call(builder: ir.IRBuilder, name: str, *arguments: ir.Value) -> None:
    """One of the instructions of AMX."""
    kind = ir.FunctionType(ir.VoidType(), [each.type for each in arguments])
    builder.call(external(builder, f"llvm.x86.{name}", kind), arguments)
