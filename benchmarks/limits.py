"""What this processor can do at best, and the least time it needs for a shape.

An LSTM is bound by arithmetic, or, with few rows, by the cache that holds its recurrent weights: every step
reads them all.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numba import njit, prange, set_num_threads

from .cases import Case
from .machine import l2_bytes
from .timing import best_times

PRODUCT_SIZES = (256, 512, 1024)
READS_PER_CALL = 200


@dataclass(frozen=True)
class Limits:
    """Of all threads together: a product, the second-level caches, and reading from beyond them."""

    gflops: float
    l2_bytes: int
    l2_gb_per_second: float
    l3_gb_per_second: float

    def least_seconds(self, case: Case) -> float:
        """The time a case takes at these limits, if R is too large for the first-level cache.

        The weight gradients and the products with the input do not wait for the step before: only arithmetic
        bounds them.
        """
        shape, rate = case.shape, self.gflops * 1e9
        fits_l2 = shape.recurrent_bytes <= self.l2_bytes
        bandwidth = 1e9 * (self.l2_gb_per_second if fits_l2 else self.l3_gb_per_second)
        chains = shape.layers * shape.directions
        reading = chains * shape.steps * shape.recurrent_bytes / bandwidth
        in_order = max(shape.recurrent_flops() / rate, reading)
        forward = shape.input_flops() / rate + in_order
        if case.mode == "inference":
            return forward
        return 2 * forward + (shape.input_flops() + shape.recurrent_flops()) / rate


def measure_limits(budget: float) -> Limits:
    """Some seconds of products and of reading."""
    size = l2_bytes()
    return Limits(
        gflops=max(product_rate(n, budget) for n in PRODUCT_SIZES),
        l2_bytes=size * torch.get_num_threads(),
        l2_gb_per_second=reading_rate(size // 2, budget),
        l3_gb_per_second=reading_rate(4 * size, budget),
    )


def product_rate(n: int, budget: float) -> float:
    """GFLOP/s of a square product in float32."""
    a, b, c = torch.randn(3, n, n)
    best = best_times({"mm": lambda: torch.mm(a, b, out=c)}, budget)
    return 2 * n**3 / best["mm"] / 1e9


def reading_rate(bytes_per_thread: int, budget: float) -> float:
    """GB/s of all threads, each reading a buffer of its own again and again."""
    set_num_threads(torch.get_num_threads())
    buffers = np.ones((torch.get_num_threads(), bytes_per_thread // 4), np.float32)
    best = best_times({"read": lambda: read_all(buffers, READS_PER_CALL)}, budget)
    return READS_PER_CALL * buffers.nbytes / best["read"] / 1e9


@njit(parallel=True, fastmath=True)
def read_all(buffers: np.ndarray, times: int) -> np.float32:
    """Sum every buffer, each on its thread; the sum keeps the reads from being left out."""
    total = np.float32(0)
    for row in prange(len(buffers)):
        buffer = buffers[row]
        part = np.float32(0)
        for _ in range(times):
            for position in range(len(buffer)):
                part += buffer[position]
        total += part
    return total
