"""What this machine offers the kernels: vectors, the threads that PyTorch runs on, large pages."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import torch

from .printer import Target

LARGE_PAGE = 1 << 21
MADV_HUGEPAGE = 14
ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA = 158, 0x1023, 18  # Linux on x86-64: asm/prctl.h, ARCH_REQ_XCOMP_PERM
MULTIPLIES_BFLOAT16 = {"avx512bf16", "avx512bw", "avx512vl"} <= {
    name for name, present in llvm.get_host_cpu_features().items() if present
}


@cache
def host_target(dtype: str) -> Target:
    """The vectors of this processor, for float32, float64 or bfloat16."""
    features = llvm.get_host_cpu_features()
    if dtype == "bfloat16":
        return replace(host_target("float32"), narrow=True, tiled=has_tiles())
    if features.get("avx512f"):
        return Target(dtype, 64, 32)
    if features.get("avx2") and features.get("fma"):
        return Target(dtype, 32, 16)
    return Target(dtype, 16, 32 if "neon" in features or "asimd" in features else 16)


@cache
def has_tiles() -> bool:
    """Whether this processor multiplies tiles of bfloat16 (AMX), and Linux lets this process do so once asked."""
    features = llvm.get_host_cpu_features()
    if not (MULTIPLIES_BFLOAT16 and features.get("amx-tile") and features.get("amx-bf16")):
        return False
    return sys.platform == "linux" and ctypes.CDLL(None).syscall(ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA) == 0


@cache
def parallel_runner() -> Callable[..., None] | None:
    """`GOMP_parallel(function, data, threads, flags)` of the OpenMP pool that PyTorch itself runs on."""
    try:
        library = ctypes.CDLL(torch._C.__file__)
        function = library.GOMP_parallel
    except (OSError, AttributeError):
        return None
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    function.restype = None
    return function


@cache
def grants(threads: int) -> bool:
    """Whether that pool starts as many threads as it is asked for: those of a kernel wait for every one of them."""
    try:
        library = ctypes.CDLL(torch._C.__file__)
        return not library.omp_get_dynamic() and library.omp_get_thread_limit() >= threads
    except (OSError, AttributeError):
        return False


@cache
def thread_number() -> int:
    """The address of `omp_get_thread_num` of the same pool."""
    return address_of(ctypes.CDLL(torch._C.__file__).omp_get_thread_num)


@cache
def pause() -> int:
    """The address of a function that lets other threads run; 0 if the system has none."""
    try:
        return address_of(ctypes.CDLL(None).sched_yield)
    except (OSError, AttributeError, TypeError):
        return 0


@cache
def advise() -> Callable[[int, int, int], int] | None:
    """`madvise` of the C library, where it knows large pages."""
    if not sys.platform.startswith("linux"):
        return None
    function = ctypes.CDLL(None).madvise
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return function


def prefer_large_pages(at: int, size: int) -> None:
    """Ask for large pages for fresh memory; a first touch page by page can cost more than the work in it."""
    first, last = -(-at // LARGE_PAGE) * LARGE_PAGE, (at + size) // LARGE_PAGE * LARGE_PAGE
    function = advise() if last > first else None
    if function is not None:
        function(first, last - first, MADV_HUGEPAGE)


def address_of(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0
