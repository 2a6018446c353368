"""The words of a printed cell in Triton: what the table of operators calls, by the names that it has on the CPU."""

import triton
import triton.language as tl
from triton.language import PropagateNan

EVERY = tl.constexpr(PropagateNan.ALL)
LOG2_E = tl.constexpr(1.4426950408889634)


@triton.jit
def exp(x):
    """The exponential function; that of float32 by the power of 2 that a GPU has, without a care for subnormals."""
    return tl.exp2(x * LOG2_E) if x.dtype == tl.float32 else tl.exp(x)


@triton.jit
def expm1(x):
    """`exp(x) - 1`, exact near 0: the rounding of exp(x) is made good by its logarithm (Kahan)."""
    u = exp(x)
    inner = (u != 1.0) & (u > 0.0) & (u < float("inf"))
    return tl.where(u == 1.0, x, tl.where(inner, (u - 1.0) * x / tl.log(tl.where(inner, u, 2.0)), u - 1.0))


@triton.jit
def log(x):
    """The natural logarithm."""
    return tl.log(x)


@triton.jit
def log1p(x):
    """`log(1 + x)`, exact near 0, in the same way."""
    u = 1.0 + x
    inner = (u != 1.0) & (u > 0.0) & (u < float("inf"))
    return tl.where(u == 1.0, x, tl.where(inner, tl.log(u) * x / tl.where(inner, u - 1.0, 1.0), tl.log(u)))


@triton.jit
def inverse(x):
    """1 / x, for x from 1 on; in float32 by the square root of a GPU, since its quotient first looks for large x."""
    if x.dtype == tl.float32:
        root = tl.rsqrt(x)
        found = root * root
    else:
        found = 1.0 / x
    return found


@triton.jit
def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return inverse(1.0 + exp(-x))


@triton.jit
def tanh(x):
    """The hyperbolic tangent; near 0, where its quotient of exponentials loses digits, a series."""
    e = exp(-2.0 * tl.abs(x))
    far = (1.0 - e) * inverse(1.0 + e)
    found = tl.where(x < 0.0, -far, far)
    if x.dtype == tl.float32:
        s = x * x
        near = x * (1.0 + s * (-1.0 / 3.0 + s * (2.0 / 15.0 + s * (-17.0 / 315.0 + s * (62.0 / 2835.0)))))
        found = tl.where(tl.abs(x) < 0.25, near, found)
    return found


@triton.jit
def fabs(x):
    """The absolute value."""
    return tl.abs(x)


@triton.jit
def sqrt(x):
    """The square root."""
    return tl.sqrt(x)


@triton.jit
def larger(a, b):
    """The larger of two; NaN if one of them is."""
    return tl.maximum(a, b + tl.zeros_like(a), propagate_nan=EVERY)


@triton.jit
def smaller(a, b):
    """The smaller of two; NaN if one of them is."""
    return tl.minimum(a, b + tl.zeros_like(a), propagate_nan=EVERY)


@triton.jit
def where(mask, a, b):
    """One or the other."""
    return tl.where(mask, a, b)


@triton.jit
def spread(x):
    """A number, which Triton spreads by itself."""
    return x


@triton.jit
def total(x, valid):
    """The sum over the units that exist, for each row: `[1, M]`."""
    return tl.sum(tl.where(valid, x, 0.0), axis=0, keep_dims=True)
