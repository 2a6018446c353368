"""Functions on vectors: exp, log, sigmoid, tanh and others, without a call of a library.

Each reduces its argument to a small interval and sums a Taylor series there, long enough for the dtype.
NaN goes through, infinities give the limits; results below the smallest normal number may come as zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from llvmlite import ir

from .vectors import Lanes


@dataclass(frozen=True)
class Format:
    """A floating-point format, and how long a series it needs."""

    mantissa: int
    bias: int
    ln2_high: float  # ln 2 in two parts, the first with so few digits
    ln2_low: float  # that its product with an exponent is exact
    exp_degree: int
    log_terms: int

    @property
    def shift(self) -> float:
        """A number of this size has its integer part in the lowest bits."""
        return 1.5 * 2.0**self.mantissa

    @property
    def largest_exponent(self) -> float:
        """The largest x for which exp(x) is finite, a little rounded down."""
        return (self.bias + 1) * math.log(2.0) * (1 - 2.0 ** (-self.mantissa))

    @property
    def smallest_exponent(self) -> float:
        """Below this x, exp(x) is taken as zero."""
        return -(self.bias - 2) * math.log(2.0)


FORMATS = {
    "float32": Format(23, 127, 0.693359375, -2.12194440054690583e-4, 7, 5),
    "float64": Format(52, 1023, 0.693147180369123816490, 1.90821492927058770002e-10, 13, 11),
}


def format_of(x: Lanes) -> Format:
    return FORMATS[x.vector.kind]


def integers(x: Lanes) -> ir.VectorType:
    """The integer vector of the same width."""
    return ir.VectorType(ir.IntType(32 if x.vector.kind == "float32" else 64), x.vector.lanes)


def bits(x: Lanes, value: int) -> ir.Constant:
    return ir.Constant(integers(x), [value] * x.vector.lanes)


def on_vectors(function: Callable[..., Lanes]) -> Callable[..., Lanes]:
    """Spread numbers among the arguments over the lanes of the vector that stands beside them."""

    @wraps(function)
    def on(*arguments: Any) -> Lanes:
        vectors = [each for each in arguments if isinstance(each, Lanes)]
        like = next((each for each in vectors if each.vector.kind != "mask"), vectors[0])
        return function(*map(like.like, arguments))

    return on


@on_vectors
def fma(a: Lanes, b: Lanes, c: Lanes) -> Lanes:
    """`a * b + c`, rounded once."""
    return a.call("fma", b, c)


@on_vectors
def fabs(x: Lanes) -> Lanes:
    """The absolute value."""
    return x.call("fabs")


@on_vectors
def sqrt(x: Lanes) -> Lanes:
    """The square root."""
    return x.call("sqrt")


@on_vectors
def larger(a: Lanes, b: Lanes) -> Lanes:
    """The larger of two; NaN if either is NaN."""
    return where(a != a, a, where(b > a, b, where(b != b, b, a)))


@on_vectors
def smaller(a: Lanes, b: Lanes) -> Lanes:
    """The smaller of two; NaN if either is NaN."""
    return where(a != a, a, where(b < a, b, where(b != b, b, a)))


@on_vectors
def where(mask: Lanes, a: Lanes, b: Lanes) -> Lanes:
    """Lane by lane: a where the mask holds, else b."""
    return Lanes(mask.builder, a.vector, mask.builder.select(mask.value, a.value, b.value))


def polynomial(x: Lanes, coefficients: Sequence[float]) -> Lanes:
    """`sum coefficients[k] * x ** k` by Horner's scheme."""
    result = x.like(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        result = fma(result, x, x.like(coefficient))
    return result


def halved(x: Lanes) -> tuple[Lanes, Lanes]:
    """Split x = n ln 2 + r with |r| <= ln(2) / 2: r, and n + shift."""
    form = format_of(x)
    shifted = fma(x, x.like(1.0 / math.log(2.0)), x.like(form.shift))
    n = shifted - form.shift
    rest = fma(n, x.like(-form.ln2_high), x)
    return fma(n, x.like(-form.ln2_low), rest), shifted


def power_of_two(shifted: Lanes) -> Lanes:
    """2 ** n, where n + shift is given."""
    form, builder = format_of(shifted), shifted.builder
    exponent = builder.add(builder.bitcast(shifted.value, integers(shifted)), bits(shifted, form.bias))
    moved = builder.shl(exponent, bits(shifted, form.mantissa))
    return Lanes(builder, shifted.vector, builder.bitcast(moved, shifted.vector.llvm))


def exp_series(rest: Lanes) -> Lanes:
    """(exp(r) - 1) / r for small r."""
    return polynomial(rest, [1.0 / math.factorial(k + 1) for k in range(format_of(rest).exp_degree)])


@on_vectors
def exp(x: Lanes) -> Lanes:
    """The exponential, e to the x."""
    form = format_of(x)
    rest, shifted = halved(x)
    twice = fma(rest * 2.0, exp_series(rest), x.like(2.0))
    finite = twice * power_of_two(shifted - 1.0)
    return where(x > form.largest_exponent, x.like(math.inf), where(x < form.smallest_exponent, x.like(0.0), finite))


@on_vectors
def expm1(x: Lanes) -> Lanes:
    """The exponential minus one, exact near zero."""
    small = fabs(x) < 0.34
    return where(small, x * exp_series(where(small, x, x.like(0.0))), exp(x) - 1.0)


@on_vectors
def sigmoid(x: Lanes) -> Lanes:
    """1 / (1 + e ** -x)."""
    low = format_of(x).smallest_exponent
    below = x < low
    rest, shifted = halved(-where(below, x.like(low), where(x > -low, x.like(-low), x)))
    return where(below, x.like(0.0), 1.0 / (1.0 + fma(rest, exp_series(rest), x.like(1.0)) * power_of_two(shifted)))


@on_vectors
def tanh(x: Lanes) -> Lanes:
    """The hyperbolic tangent, exact near zero: with e = exp(-2|x|) - 1 it is -e / (2 + e)."""
    size = fabs(x)
    rest, shifted = halved(-2.0 * where(size > 20.0, x.like(20.0), size))
    scale = power_of_two(shifted)
    e = fma(scale, rest * exp_series(rest), scale - 1.0)
    return (-e / (2.0 + e)).call("copysign", x)


@on_vectors
def log(x: Lanes) -> Lanes:
    """The natural logarithm; minus infinity at 0, NaN below."""
    form, builder = format_of(x), x.builder
    tiny = x < 2.0 ** (1 - form.bias)
    scaled = where(tiny, x * 2.0**form.mantissa, x)
    raw = builder.bitcast(scaled.value, integers(x))
    # Taking the exponent relative to sqrt(1/2) puts the rest into [sqrt(1/2), sqrt(2)).
    half = int(0.7071067811865476 * 2 ** (form.mantissa + 1)) - 2**form.mantissa + ((form.bias - 1) << form.mantissa)
    exponent = builder.ashr(builder.sub(raw, bits(x, half)), bits(x, form.mantissa))
    mantissa = builder.sub(raw, builder.shl(exponent, bits(x, form.mantissa)))
    n = Lanes(builder, x.vector, builder.sitofp(exponent, x.vector.llvm))
    n = n - where(tiny, x.like(float(form.mantissa)), x.like(0.0))
    f = Lanes(builder, x.vector, builder.bitcast(mantissa, x.vector.llvm)) - 1.0
    s = f / (2.0 + f)
    series = polynomial(s * s, [2.0 / (2 * k + 1) for k in range(form.log_terms)])
    finite = fma(n, x.like(math.log(2.0)), s * series)
    finite = where(x > 0.0, finite, where(x == 0.0, x.like(-math.inf), x.like(math.nan)))
    return where(x == math.inf, x, finite)


@on_vectors
def log1p(x: Lanes) -> Lanes:
    """log(1 + x), exact near zero."""
    u = 1.0 + x
    return where(u == 1.0, x, where(u == math.inf, u, log(u) * (x / (u - 1.0))))
