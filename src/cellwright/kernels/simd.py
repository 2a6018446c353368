"""The instructions of kernels: access to memory in vectors, and calls of routines by their address."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from .compiled import instruction
from .digest import SIGNATURE as DIGEST
from .dots import SIGNATURE as DOTS
from .tile import SIGNATURE as TILE
from .turn import SIGNATURE as TURN
from .vectors import (
    INDEX,
    SCALARS,
    Lanes,
    Vector,
    constant,
    lanes_below,
    load_lanes,
    load_masked,
    narrowed,
    spread,
    store_lanes,
    store_masked,
    widened,
)


def at_address(signature: ir.FunctionType) -> Any:
    """An instruction that calls the routine whose address is its first argument."""

    def emit(builder: ir.IRBuilder, at: ir.Value, *arguments: ir.Value) -> ir.Value:
        return builder.call(builder.inttoptr(at, signature.as_pointer()), arguments)

    return instruction(emit)


multiply = at_address(TILE)
multiply_as_stored = at_address(DOTS)
turn = at_address(TURN)
digest = at_address(DIGEST)


class Memory:
    """Access to memory in vectors of one type, by addresses in bytes.

    `load(at)` and `store(at, value)` move a whole vector; `load_some(at, count)` and
    `store_some(at, value, count)` touch the first `count` lanes only: none below 1, all from `lanes` on.
    `keep_some(value, count)` puts zeros into the other lanes, `spread(number)` the number into all. `get` and
    `put` move one number. `load_outer` and `store_outer` are `load_some` and `store_some` for numbers as the caller
    stores them.
    """

    def __init__(self, dtype: str, lanes: int) -> None:
        self.vector = Vector(dtype, lanes)
        self.scalar = SCALARS[dtype]

    @instruction
    def load(self, builder: ir.IRBuilder, at: ir.Value) -> Lanes:
        return Lanes(builder, self.vector, load_lanes(builder, self.vector.llvm, at))

    @instruction
    def store(self, builder: ir.IRBuilder, at: ir.Value, value: Any) -> None:
        store_lanes(builder, at, spread(builder, self.vector, value))

    @instruction
    def load_some(self, builder: ir.IRBuilder, at: ir.Value, count: ir.Value) -> Lanes:
        mask = lanes_below(builder, self.vector, count)
        return Lanes(builder, self.vector, load_masked(builder, self.vector, at, mask))

    @instruction
    def store_some(self, builder: ir.IRBuilder, at: ir.Value, value: Any, count: ir.Value) -> None:
        mask = lanes_below(builder, self.vector, count)
        store_masked(builder, self.vector, at, spread(builder, self.vector, value), mask)

    @instruction
    def keep_some(self, builder: ir.IRBuilder, value: Any, count: ir.Value) -> Lanes:
        mask, whole = lanes_below(builder, self.vector, count), spread(builder, self.vector, value)
        return Lanes(builder, self.vector, builder.select(mask, whole, constant(self.vector, 0.0)))

    @instruction
    def spread(self, builder: ir.IRBuilder, number: Any) -> Lanes:
        return Lanes(builder, self.vector, spread(builder, self.vector, number))

    @instruction
    def get(self, builder: ir.IRBuilder, at: ir.Value) -> ir.Value:
        return builder.load(builder.inttoptr(at, self.scalar.as_pointer()), typ=self.scalar)

    @instruction
    def put(self, builder: ir.IRBuilder, at: ir.Value, number: ir.Value) -> None:
        builder.store(number, builder.inttoptr(at, self.scalar.as_pointer()))

    load_outer, store_outer = load_some, store_some


class NarrowMemory(Memory):
    """The same where the caller stores bfloat16: `joined(a, b)` has the words of two such numbers each."""

    def __init__(self, dtype: str, lanes: int) -> None:
        super().__init__(dtype, lanes)
        self.bits = Vector("int16", lanes)

    @instruction
    def load_outer(self, builder: ir.IRBuilder, at: ir.Value, count: ir.Value) -> Lanes:
        found = load_masked(builder, self.bits, at, lanes_below(builder, self.vector, count))
        return Lanes(builder, self.vector, widened(builder, found, self.vector))

    @instruction
    def store_outer(self, builder: ir.IRBuilder, at: ir.Value, value: Any, count: ir.Value) -> None:
        whole, mask = spread(builder, self.vector, value), lanes_below(builder, self.vector, count)
        store_masked(builder, self.bits, at, narrowed(builder, whole), mask)

    @instruction
    def joined(self, builder: ir.IRBuilder, first: Lanes, second: Lanes) -> Lanes:
        low, high = (narrowed(builder, each.value) for each in (first, second))
        order = [n // 2 + n % 2 * self.vector.lanes for n in range(2 * self.vector.lanes)]
        pattern = ir.Constant(ir.VectorType(INDEX, 2 * self.vector.lanes), order)
        together = builder.bitcast(builder.shuffle_vector(low, high, pattern), self.vector.llvm)
        return Lanes(builder, self.vector, together)
