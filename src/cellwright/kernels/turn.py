"""The transposition of a square block in registers: how weights change between rows and lanes.

target[c, r] = source[r, c]
"""

from __future__ import annotations

from typing import NamedTuple

from llvmlite import ir

from .vectors import INDEX, WORD, Vector, lanes_below, load_masked, store_masked


class Operands(NamedTuple):
    """Addresses and strides in bytes; counts in numbers.

    Attributes:
        rows: rows of the source that exist; the others count as zeros.
        columns: columns of the source that exist; so many rows of the target are written.
        written: so many numbers of each row of the target are written.
    """

    source: ir.Value
    source_row: ir.Value
    rows: ir.Value
    columns: ir.Value
    target: ir.Value
    target_row: ir.Value
    written: ir.Value


SIGNATURE = ir.FunctionType(ir.VoidType(), [WORD] * len(Operands._fields))


def turn_module(vector: Vector, symbol: str) -> str:
    """The LLVM source of a function on `Operands`."""
    module = ir.Module("turn")
    function = ir.Function(module, SIGNATURE, symbol)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    at = Operands(*function.args)
    columns, written = lanes_below(builder, vector, at.columns), lanes_below(builder, vector, at.written)
    none = ir.Constant(columns.type, None)

    def mask_up_to(n: int, count: ir.Value, mask: ir.Value) -> ir.Value:
        return builder.select(builder.icmp_signed("<", WORD(n), count), mask, none)

    block = [
        load_masked(
            builder,
            vector,
            builder.add(at.source, builder.mul(at.source_row, WORD(n))),
            mask_up_to(n, at.rows, columns),
        )
        for n in range(vector.lanes)
    ]
    for n, row in enumerate(transposed(builder, block)):
        to = builder.add(at.target, builder.mul(at.target_row, WORD(n)))
        store_masked(builder, vector, to, row, mask_up_to(n, at.columns, written))
    builder.ret_void()
    return str(module)


def transposed(builder: ir.IRBuilder, rows: list[ir.Value]) -> list[ir.Value]:
    """Interleave the first half of the rows with the second, again and again: after log2(n) times it is done."""
    lanes, half = len(rows), len(rows) // 2
    for _ in range(lanes.bit_length() - 1):
        pairs = zip(rows[:half], rows[half:], strict=True)
        rows = [builder.shuffle_vector(a, b, pattern) for a, b in pairs for pattern in interleaving(lanes)]
    return rows


def interleaving(lanes: int) -> tuple[ir.Constant, ir.Constant]:
    """The shuffles of two vectors that interleave their first halves, and their second halves."""
    wide = ir.VectorType(INDEX, lanes)
    first = [n // 2 + n % 2 * lanes for n in range(lanes)]
    return ir.Constant(wide, first), ir.Constant(wide, [lanes // 2 + n for n in first])
