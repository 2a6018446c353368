"""Vectors in Numba: a type that is one LLVM vector, its operators, and access to memory.

In a kernel a vector behaves like a number: `f * c + i * g`, `sigmoid(z)`, `where(a > b, a, b)`. Behind
the scenes each of these is an ordinary Python function on `Lanes`, which emits the instructions.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.typing.templates import AbstractTemplate, builtin_registry
from numba.core.typing.templates import signature as typed
from numba.extending import intrinsic, lower_builtin, models, register_model

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
    splat,
    store_lanes,
    store_masked,
    widened,
)


class VectorType(types.Type):
    """A vector as a type of Numba."""

    def __init__(self, vector: Vector) -> None:
        self.vector = vector
        super().__init__(name=f"{vector.kind}x{vector.lanes}")


@register_model(VectorType)
class VectorModel(models.PrimitiveModel):
    """A vector is kept in a register."""

    def __init__(self, manager: Any, kind: VectorType) -> None:
        super().__init__(manager, kind, kind.vector.llvm)


def operand(context: Any, builder: ir.IRBuilder, vector: Vector, kind: types.Type, value: ir.Value) -> Lanes:
    """An argument of a function on vectors: a vector, a mask, or a number for every lane."""
    if isinstance(kind, VectorType):
        return Lanes(builder, kind.vector, value)
    scalar = context.cast(builder, value, kind, getattr(types, vector.kind))
    return Lanes(builder, vector, splat(builder, vector.llvm, scalar))


def vector_among(kinds: tuple[types.Type, ...]) -> Vector | None:
    """The vector among operands, if all the rest are masks and numbers; the mask if all are masks."""
    vectors = {kind.vector for kind in kinds if isinstance(kind, VectorType)}
    numbers = {vector for vector in vectors if vector.kind != "mask"} or vectors
    fits = all(isinstance(kind, VectorType | types.Number) for kind in kinds)
    return numbers.pop() if fits and len(numbers) == 1 else None


def on_vectors(emit: Callable[..., Lanes], function: Any = None, gives_mask: bool = False) -> Any:
    """Teach Numba a function on vectors; `emit` takes and returns Lanes. Usable as a decorator."""
    function = function or emit
    arity = emit.__code__.co_argcount

    class Typing(AbstractTemplate):
        def generic(self, args: tuple[types.Type, ...], kwargs: Any) -> Any:
            vector = vector_among(args) if len(args) == arity else None
            if vector is None:
                return None
            return typed(VectorType(vector.mask if gives_mask else vector), *args)

    Typing.key = function
    builtin_registry.register_global(function, types.Function(Typing))

    def lower(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        vector = vector_among(sig.args)
        assert vector is not None
        return emit(*(operand(context, builder, vector, *each) for each in zip(sig.args, args, strict=True))).value

    for kinds in itertools.product((VectorType, types.Number), repeat=arity):
        if VectorType in kinds:
            lower_builtin(function, *kinds)(lower)
    return function


on_vectors(lambda a, b: a + b, operator.add)
on_vectors(lambda a, b: a - b, operator.sub)
on_vectors(lambda a, b: a * b, operator.mul)
on_vectors(lambda a, b: a / b, operator.truediv)
on_vectors(lambda a: -a, operator.neg)
on_vectors(lambda a, b: a > b, operator.gt, gives_mask=True)
on_vectors(lambda a, b: a >= b, operator.ge, gives_mask=True)
on_vectors(lambda a, b: a < b, operator.lt, gives_mask=True)
on_vectors(lambda a, b: a <= b, operator.le, gives_mask=True)
on_vectors(lambda a, b: a.equals(b), operator.eq, gives_mask=True)
on_vectors(lambda a, b: a.differs(b), operator.ne, gives_mask=True)
on_vectors(lambda a, b: a.emit("and_", b), operator.and_)
on_vectors(lambda a, b: a.emit("or_", b), operator.or_)
on_vectors(lambda a, b: a.emit("xor", b), operator.xor)
on_vectors(lambda a: a.emit("not_"), operator.invert)


def call_at(at: ir.Value, signature: ir.FunctionType, builder: ir.IRBuilder, arguments: Sequence[ir.Value]) -> ir.Value:
    """Call the function that stands at an address."""
    return builder.call(builder.inttoptr(at, signature.as_pointer()), arguments)


@intrinsic
def multiply(
    typingctx: Any, tile: Any, rows: Any, vectors: Any, a: Any, a_row: Any, a_k: Any, b: Any, b_k: Any,
    b_vector: Any, k: Any, start: Any, start_row: Any, c: Any, c_row: Any, c_vector: Any,
) -> Any:  # fmt: skip
    """Call the register tile that stands at the address `tile`."""

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        call_at(args[0], TILE, builder, args[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * (1 + len(TILE.args))), emit


@intrinsic
def multiply_as_stored(
    typingctx: Any, routine: Any, rows: Any, left: Any, a: Any, a_row: Any, b: Any, b_row: Any, k: Any,
    start: Any, start_row: Any, c: Any, c_row: Any,
) -> Any:  # fmt: skip
    """Call the dot products that stand at the address `routine`."""

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        call_at(args[0], DOTS, builder, args[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * (1 + len(DOTS.args))), emit


@intrinsic
def turn(
    typingctx: Any, routine: Any, source: Any, source_row: Any, rows: Any, columns: Any, target: Any,
    target_row: Any, written: Any,
) -> Any:  # fmt: skip
    """Call the transposition that stands at the address `routine`."""

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        call_at(args[0], TURN, builder, args[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * (1 + len(TURN.args))), emit


@intrinsic
def digest(typingctx: Any, routine: Any, at: Any, size: Any, before: Any) -> Any:
    """Call the digest that stands at the address `routine`: of so many bytes, on top of a digest before."""

    def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        return call_at(args[0], DIGEST, builder, args[1:])

    return types.int64(*[types.int64] * (1 + len(DIGEST.args))), emit


class Memory:
    """Access to memory in vectors of one type, by addresses in bytes.

    `load(at)` and `store(at, value)` move a whole vector; `load_some(at, count)` and
    `store_some(at, value, count)` touch the first `count` lanes only: none below 1, all from `lanes` on.
    `keep_some(value, count)` puts zeros into the other lanes, `spread(number)` the number into all. `get` and
    `put` move one number. `load_outer` and `store_outer` are `load_some` and `store_some` for numbers as the caller
    stores them, which if narrow are bfloat16; `joined(a, b)` has the words of two such numbers each.
    """

    def __init__(self, dtype: str, lanes: int, narrow: bool = False) -> None:
        vector = Vector(dtype, lanes)
        kind = VectorType(vector)
        number, scalar = getattr(types, dtype), SCALARS[dtype]

        @intrinsic
        def load(typingctx: Any, at: Any) -> Any:
            def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
                return load_lanes(builder, vector.llvm, args[0])

            return kind(types.int64), emit

        @intrinsic
        def store(typingctx: Any, at: Any, value: Any) -> Any:
            def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
                store_lanes(builder, args[0], operand(context, builder, vector, value, args[1]).value)
                return context.get_dummy_value()

            return types.void(types.int64, value), emit

        @intrinsic
        def load_some(typingctx: Any, at: Any, count: Any) -> Any:
            def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
                return load_masked(builder, vector, args[0], lanes_below(builder, vector, args[1]))

            return kind(types.int64, types.int64), emit

        @intrinsic
        def store_some(typingctx: Any, at: Any, value: Any, count: Any) -> Any:
            def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
                whole = operand(context, builder, vector, value, args[1]).value
                store_masked(builder, vector, args[0], whole, lanes_below(builder, vector, args[2]))
                return context.get_dummy_value()

            return types.void(types.int64, value, types.int64), emit

        @intrinsic
        def keep_some(typingctx: Any, value: Any, count: Any) -> Any:
            def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
                whole = operand(context, builder, vector, value, args[0]).value
                return builder.select(lanes_below(builder, vector, args[1]), whole, constant(vector, 0.0))

            return kind(value, types.int64), emit

        @intrinsic
        def spread(typingctx: Any, value: Any) -> Any:
            def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
                return operand(context, builder, vector, value, args[0]).value

            return kind(value), emit

        @intrinsic
        def get(typingctx: Any, at: Any) -> Any:
            def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
                return builder.load(builder.inttoptr(args[0], scalar.as_pointer()), typ=scalar)

            return number(types.int64), emit

        @intrinsic
        def put(typingctx: Any, at: Any, value: Any) -> Any:
            def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
                builder.store(args[1], builder.inttoptr(args[0], scalar.as_pointer()))
                return context.get_dummy_value()

            return types.void(types.int64, number), emit

        self.load, self.store, self.load_some, self.store_some = load, store, load_some, store_some
        self.keep_some, self.spread, self.get, self.put = keep_some, spread, get, put
        outer: tuple[Any, ...] = narrow_access(vector, kind) if narrow else (load_some, store_some, None)
        self.load_outer, self.store_outer, self.joined = outer


def narrow_access(vector: Vector, kind: VectorType) -> tuple[Any, Any, Any]:
    """`load_outer`, `store_outer` and `joined` for bfloat16 in memory and float32 in vectors."""
    bits = Vector("int16", vector.lanes)

    @intrinsic
    def load_outer(typingctx: Any, at: Any, count: Any) -> Any:
        def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
            found = load_masked(builder, bits, args[0], lanes_below(builder, vector, args[1]))
            return widened(builder, found, vector)

        return kind(types.int64, types.int64), emit

    @intrinsic
    def store_outer(typingctx: Any, at: Any, value: Any, count: Any) -> Any:
        def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
            whole = operand(context, builder, vector, value, args[1]).value
            store_masked(builder, bits, args[0], narrowed(builder, whole), lanes_below(builder, vector, args[2]))
            return context.get_dummy_value()

        return types.void(types.int64, value, types.int64), emit

    @intrinsic
    def joined(typingctx: Any, first: Any, second: Any) -> Any:
        def emit(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
            low, high = (narrowed(builder, each) for each in args)
            order = [n // 2 + n % 2 * vector.lanes for n in range(2 * vector.lanes)]
            pattern = ir.Constant(ir.VectorType(INDEX, 2 * vector.lanes), order)
            return builder.bitcast(builder.shuffle_vector(low, high, pattern), vector.llvm)

        return kind(kind, kind), emit

    return load_outer, store_outer, joined
