"""A digest of numbers in memory, quick enough to ask at every call whether weights are still the same.

Words of 64 bits go into several sums side by side: `sum = rotate((sum ^ word) * factor)`. The factor is odd and
the rotation brings high bits down, so any change of one word changes the digest, and other changes go unseen by
a chance of about 2 ** -64.
"""

from __future__ import annotations

from llvmlite import ir

from .tile import loop
from .vectors import WORD, Vector, external

FACTOR = 0x9E3779B97F4A7C15
SUMS, LANES = 4, 8
WORDS = ir.VectorType(WORD, LANES)
SIGNATURE = ir.FunctionType(WORD, [WORD, WORD, WORD])


def digest_module(vector: Vector, symbol: str) -> str:
    """The LLVM source of `digest(address, bytes, seed)`; what is left over a full row of words goes byte by byte."""
    module = ir.Module("digest")
    function = ir.Function(module, SIGNATURE, symbol)
    at, count, total = function.args
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    row = SUMS * LANES * 8
    sums = [ir.Constant(WORDS, [n * LANES + lane + 1 for lane in range(LANES)]) for n in range(SUMS)]
    with loop(builder, builder.udiv(count, WORD(row)), [at, *sums]) as (place, *before, results):
        results.append(builder.add(place, WORD(row)))
        for n, each in enumerate(before):
            here = builder.add(place, WORD(n * LANES * 8))
            words = builder.load(builder.inttoptr(here, WORDS.as_pointer()), typ=WORDS)
            words.align = 4
            results.append(mixed(builder, each, words))
    place, *sums = results
    for each in sums:
        for lane in range(LANES):
            total = mixed(builder, total, builder.extract_element(each, ir.IntType(32)(lane)))
    byte = ir.IntType(8)
    with loop(builder, builder.urem(count, WORD(row)), [place, total]) as (place, before, results):
        value = builder.load(builder.inttoptr(place, byte.as_pointer()), typ=byte)
        results += [builder.add(place, WORD(1)), mixed(builder, before, builder.zext(value, WORD))]
    builder.ret(results[1])
    return str(module)


def mixed(builder: ir.IRBuilder, total: ir.Value, word: ir.Value) -> ir.Value:
    """One word, or a vector of words, into the sum."""
    kind = total.type
    lanes = LANES if isinstance(kind, ir.VectorType) else 1
    factor, turn = (ir.Constant(kind, [value] * lanes if lanes > 1 else value) for value in (FACTOR, 31))
    product = builder.mul(builder.xor(total, word), factor)
    name = f"llvm.fshl.{'v8i64' if lanes > 1 else 'i64'}"
    rotate = external(builder, name, ir.FunctionType(kind, [kind] * 3))
    return builder.call(rotate, [product, product, turn])
