"""Vectors while their instructions are emitted: operators on them, and their place in memory."""

from __future__ import annotations

from dataclasses import dataclass

from llvmlite import ir

SCALARS = {"float32": ir.FloatType(), "float64": ir.DoubleType(), "int16": ir.IntType(16), "mask": ir.IntType(1)}
SUFFIX = {"float32": "f32", "float64": "f64", "int16": "i16"}
WORD = ir.IntType(64)
INDEX = ir.IntType(32)
ALIGNMENT = INDEX(4)


class BFloat16(ir.Type):
    """LLVM's type of that name, which llvmlite does not have."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BFloat16)

    def __hash__(self) -> int:
        return hash(BFloat16)


@dataclass(frozen=True)
class Vector:
    """A number of lanes of one kind: float32, float64, int16 or mask."""

    kind: str
    lanes: int

    @property
    def llvm(self) -> ir.VectorType:
        return ir.VectorType(SCALARS[self.kind], self.lanes)

    @property
    def intrinsic_name(self) -> str:
        """The type as LLVM's own functions have it in their names."""
        return f"v{self.lanes}{SUFFIX[self.kind]}"

    @property
    def mask(self) -> Vector:
        return Vector("mask", self.lanes)

    @property
    def bytes(self) -> int:
        return self.lanes * {"float32": 4, "float64": 8}[self.kind]


@dataclass(frozen=True, eq=False)
class Lanes:
    """A vector while its instructions are emitted; numbers beside it are spread over the lanes.

    A comparison gives a mask, whose operators are those of truth values: `&`, `|`, `^`, `~`.
    """

    builder: ir.IRBuilder
    vector: Vector
    value: ir.Value

    def emit(self, instruction: str, *others: Lanes | ir.Value | float) -> Lanes:
        values = [self.like(other).value for other in others]
        return Lanes(self.builder, self.vector, getattr(self.builder, instruction)(self.value, *values))

    def call(self, name: str, *others: Lanes | float) -> Lanes:
        """One of LLVM's own functions on vectors."""
        values = [self.value, *(self.like(other).value for other in others)]
        kind = ir.FunctionType(self.vector.llvm, [self.vector.llvm] * len(values))
        function = external(self.builder, f"llvm.{name}.{self.vector.intrinsic_name}", kind)
        return Lanes(self.builder, self.vector, self.builder.call(function, values))

    def like(self, other: Lanes | ir.Value | float) -> Lanes:
        """A vector beside this one: as it is, or a number in every lane."""
        if isinstance(other, Lanes):
            return other
        return Lanes(self.builder, self.vector, spread(self.builder, self.vector, other))

    def compare(self, sign: str, other: Lanes | float) -> Lanes:
        test = self.builder.fcmp_unordered if sign == "!=" else self.builder.fcmp_ordered
        return Lanes(self.builder, self.vector.mask, test(sign, self.value, self.like(other).value))

    def __add__(self, other: Lanes | float) -> Lanes:
        return self.emit("fadd", other)

    def __radd__(self, other: float) -> Lanes:
        return self.like(other) + self

    def __sub__(self, other: Lanes | float) -> Lanes:
        return self.emit("fsub", other)

    def __rsub__(self, other: float) -> Lanes:
        return self.like(other) - self

    def __mul__(self, other: Lanes | float) -> Lanes:
        return self.emit("fmul", other)

    def __rmul__(self, other: float) -> Lanes:
        return self.like(other) * self

    def __truediv__(self, other: Lanes | float) -> Lanes:
        return self.emit("fdiv", other)

    def __rtruediv__(self, other: float) -> Lanes:
        return self.like(other) / self

    def __neg__(self) -> Lanes:
        return self.emit("fneg")

    def __gt__(self, other: Lanes | float) -> Lanes:
        return self.compare(">", other)

    def __ge__(self, other: Lanes | float) -> Lanes:
        return self.compare(">=", other)

    def __lt__(self, other: Lanes | float) -> Lanes:
        return self.compare("<", other)

    def __le__(self, other: Lanes | float) -> Lanes:
        return self.compare("<=", other)

    def __eq__(self, other: Lanes | float) -> Lanes:  # type: ignore[override]
        return self.compare("==", other)

    def __ne__(self, other: Lanes | float) -> Lanes:  # type: ignore[override]
        return self.compare("!=", other)

    def __and__(self, other: Lanes) -> Lanes:
        return self.emit("and_", other)

    def __or__(self, other: Lanes) -> Lanes:
        return self.emit("or_", other)

    def __xor__(self, other: Lanes) -> Lanes:
        return self.emit("xor", other)

    def __invert__(self) -> Lanes:
        return self.emit("not_")

    def __bool__(self) -> bool:
        raise TypeError("a mask has a truth value in every lane: choose with where(mask, a, b)")


def lanes_of(builder: ir.IRBuilder, value: ir.Value) -> Lanes | ir.Value:
    """A value of LLVM, as Lanes if it is a vector."""
    if not isinstance(value.type, ir.VectorType):
        return value
    (kind,) = (name for name, scalar in SCALARS.items() if scalar == value.type.element)
    return Lanes(builder, Vector(kind, value.type.count), value)


def spread(builder: ir.IRBuilder, vector: Vector, number: Lanes | ir.Value | float) -> ir.Value:
    """A vector of this kind: as it is, or a number in every lane; whole numbers of LLVM become those of the lanes."""
    if isinstance(number, Lanes):
        return number.value
    if not isinstance(number, ir.Value):
        return constant(vector, number)
    scalar = vector.llvm.element
    return splat(builder, vector.llvm, builder.sitofp(number, scalar) if number.type == WORD else number)


def constant(vector: Vector, number: float) -> ir.Constant:
    """The same number in every lane."""
    return ir.Constant(vector.llvm, [float(number)] * vector.lanes)


def splat(builder: ir.IRBuilder, kind: ir.VectorType, scalar: ir.Value) -> ir.Value:
    """A computed scalar in every lane."""
    undefined = ir.Constant(kind, ir.Undefined)
    single = builder.insert_element(undefined, scalar, ir.Constant(INDEX, 0))
    zeros = ir.Constant(ir.VectorType(INDEX, kind.count), [0] * kind.count)
    return builder.shuffle_vector(single, undefined, zeros)


def external(builder: ir.IRBuilder, name: str, kind: ir.FunctionType) -> ir.Function:
    """A function that is defined elsewhere, declared once a module."""
    found = builder.module.globals.get(name)
    return found if found is not None else ir.Function(builder.module, kind, name)


def load_lanes(builder: ir.IRBuilder, kind: ir.Type, at: ir.Value) -> ir.Value:
    """Read a vector from an address that is aligned as its numbers are."""
    value = builder.load(builder.inttoptr(at, kind.as_pointer()), typ=kind)
    value.align = ALIGNMENT.constant
    return value


def store_lanes(builder: ir.IRBuilder, at: ir.Value, value: ir.Value) -> None:
    """Write a vector to an address that is aligned as its numbers are."""
    builder.store(value, builder.inttoptr(at, value.type.as_pointer())).align = ALIGNMENT.constant


def lanes_below(builder: ir.IRBuilder, vector: Vector, count: ir.Value) -> ir.Value:
    """The mask of the first `count` lanes."""
    wide = ir.VectorType(WORD, vector.lanes)
    numbers = ir.Constant(wide, list(range(vector.lanes)))
    return builder.icmp_signed("<", numbers, splat(builder, wide, count))


def load_masked(builder: ir.IRBuilder, vector: Vector, at: ir.Value, mask: ir.Value) -> ir.Value:
    """Read the lanes of a mask; the others are zero, and their memory is not touched."""
    pointer = builder.inttoptr(at, vector.llvm.as_pointer())
    kind = ir.FunctionType(vector.llvm, [pointer.type, INDEX, mask.type, vector.llvm])
    function = external(builder, f"llvm.masked.load.{vector.intrinsic_name}.p0", kind)
    return builder.call(function, [pointer, ALIGNMENT, mask, ir.Constant(vector.llvm, None)])


def store_masked(builder: ir.IRBuilder, vector: Vector, at: ir.Value, value: ir.Value, mask: ir.Value) -> None:
    """Write the lanes of a mask; the memory of the others is not touched."""
    pointer = builder.inttoptr(at, vector.llvm.as_pointer())
    kind = ir.FunctionType(ir.VoidType(), [vector.llvm, pointer.type, INDEX, mask.type])
    function = external(builder, f"llvm.masked.store.{vector.intrinsic_name}.p0", kind)
    builder.call(function, [value, pointer, ALIGNMENT, mask])


def narrowed(builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
    """Vectors of float32 as the 16 bits of the nearest bfloat16."""
    count = value.type.count
    half = builder.fptrunc(value, ir.VectorType(BFloat16(), count))
    return builder.bitcast(half, ir.VectorType(SCALARS["int16"], count))


def widened(builder: ir.IRBuilder, bits: ir.Value, vector: Vector) -> ir.Value:
    """The other way round."""
    wide = ir.VectorType(INDEX, vector.lanes)
    shift = ir.Constant(wide, [16] * vector.lanes)
    return builder.bitcast(builder.shl(builder.zext(bits, wide), shift), vector.llvm)
