"""The plan: which backend runs a layer, and why not a faster one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..cells.cell import by_key
from ..errors import InputError, nearest
from . import fast, gpu, host, reference, theirs
from .check import check
from .derivative import is_transformed
from .engines import name_for, obstacle_of, obstacle_to_triton
from .given import DTYPES
from .gpu_launch import obstacle_to_width, precision_of
from .layer import Layer
from .precision import HALF, half_of, in_half, obstacle_to_products

BACKENDS = ("reference", "cpu", "gpu", "cudnn")
_forced: ContextVar[str | None] = ContextVar("backend", default=None)


@dataclass(frozen=True)
class Choice:
    """A backend, and the reason for it in words."""

    backend: str
    reason: str

    def __str__(self) -> str:
        return f"{self.backend}: {self.reason}"


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Run every layer on one backend: `reference` (the cell in a Python loop), a kernel, `cpu` or `gpu`, or `cudnn`.

    What `torch.compile` has compiled keeps the backend it was compiled with.

    >>> import torch, cellwright as cw
    >>> lstm, x = cw.LSTM(3, 4), torch.ones(2, 1, 3)
    >>> with cw.backend("reference"):
    ...     y, _ = lstm(x)
    >>> bool(torch.allclose(y, lstm(x)[0]))
    True

    Raises:
        InputError: there is no backend of that name; or, when a layer runs, it cannot run there.
    """
    if name not in BACKENDS:
        raise InputError(f"there is no backend {name!r}; {nearest(name, BACKENDS)}")
    token = _forced.set(name)
    try:
        yield
    finally:
        _forced.reset(token)


def is_open() -> bool:
    """Whether nobody has asked for a backend."""
    return _forced.get() is None


def choose(layer: Layer, watch: bool = False) -> Choice:
    """The backend for a layer, or for watching its signals: cuDNN or a kernel where they can run, else the reference.

    Raises:
        InputError: the backend that was asked for cannot run the layer.
    """
    choice, half = Choice(*verdict(*known(layer, watch))), half_of(layer)
    if half is None:
        return replace(choice, reason=f"{choice.reason}{in_precision(choice, layer)}")
    obstacle = obstacle_to_products(layer, half) if choice.backend in ("cpu", "gpu") else None
    obstacle = "the reference is exact" if choice.backend == "reference" else obstacle
    products = "and in products" if obstacle is None else f"but not in products: {obstacle}"
    return replace(choice, reason=f"{choice.reason}; {half} in memory, {products}")


def in_precision(choice: Choice, layer: Layer) -> str:
    """In which precision a kernel takes products of numbers in float32, in words; nothing where there is no choice."""
    if choice.backend != "gpu" or layer.x.dtype != torch.float32:
        return ""
    return f"; recurrent products in {precision_of(layer.x.dtype, layer.precision)}"


def differentiated(layer: Layer, watch: bool) -> bool:
    """Whether a kernel with a derivative is needed; what is watched is part of it."""
    return watch or fast.needs_derivative(layer)


def known(layer: Layer, watch: bool) -> tuple[str, str, torch.dtype, bool, bool, bool, str, int]:
    """What the plan goes by."""
    projected, dtype = layer.weights[0].p is not None, layer.x.dtype if half_of(layer) is None else torch.float32
    device = layer.x.device.type
    plain = "no"  # or "possible", or "quicker" where PyTorch's own layer is that
    if device == "cuda" and not watch and theirs.is_plain(layer) and not is_seen_through():
        plain = "quicker" if theirs.is_quicker(half_of(layer) or dtype, layer.rows, layer.units) else "possible"
    return layer.cell.key, device, dtype, projected, differentiated(layer, watch), watch, plain, layer.units


def is_seen_through() -> bool:
    """Whether a compiler or a transform is under way, which needs operators that it knows."""
    return torch.compiler.is_compiling() or is_transformed()


def is_theirs(key: str, dtype: torch.dtype, rows: int, units: int) -> bool:
    """Whether plain layers of a cell on a CUDA device go to PyTorch's own, in a dtype that all of a layer has."""
    if is_seen_through() or key not in theirs.FUNCTIONS:
        return False
    return goes_to_theirs("quicker" if theirs.is_quicker(dtype, rows, units) else "possible")


def goes_to_theirs(plain: str) -> bool:
    """Whether a layer that is plain, as `known` says it, goes to PyTorch's own: as the quicker one, or as asked."""
    asked = _forced.get()
    return (plain == "quicker" and asked is None) or (plain != "no" and asked == "cudnn")


def as_theirs(key: str) -> tuple[str, str]:
    """The verdict for what goes there."""
    return "cudnn", f"{by_key[key].name} with nothing around it is one of PyTorch's own layers"


def verdict(
    key: str, device: str, dtype: torch.dtype, projected: bool, differentiate: bool, watch: bool, plain: str, units: int
) -> tuple[str, str]:
    """The backend and the reason for it, from what a compiler knows of a layer before it runs."""
    asked, kernel = _forced.get(), name_for(device)
    if asked == "reference":
        return "reference", "asked for by cellwright.backend"
    if goes_to_theirs(plain):
        return as_theirs(key)
    if asked == "cudnn":
        raise InputError(
            f"cuDNN cannot run this: it has plain {', '.join(theirs.FUNCTIONS)} on CUDA devices, without "
            f"lengths, resets, options and signals, and this is {by_key[key].name} on {device}; leave the choice open"
        )
    obstacle = obstacle_to_kernel(key, device, dtype, projected, differentiate, watch, units)
    if obstacle is None and asked in (None, kernel):
        return kernel, f"{by_key[key].name} in {dtype} runs in a compiled kernel"
    if asked is not None:
        obstacle = obstacle or f"the data are on {device}"
        raise InputError(
            f"the {asked.upper()} kernel cannot run this: {obstacle}; leave the choice open or ask for 'reference'"
        )
    assert obstacle is not None
    return as_theirs(key) if plain == "possible" else ("reference", obstacle)


verdict._dynamo_marked_constant = True  # type: ignore[attr-defined]  # torch.compile asks once and keeps the answer


def obstacle_to_kernel(
    key: str, device: str, dtype: torch.dtype, projected: bool, differentiate: bool, watch: bool, units: int
) -> str | None:
    """Why the kernel of a device cannot run a layer; None if it can."""
    if device not in ("cpu", "cuda"):
        return f"the data are on {device}, and the kernels run on the CPU and on CUDA devices"
    if name_for(device) == "gpu" and (obstacle := obstacle_to_triton()) is not None:
        return obstacle
    if torch._C._get_tracing_state() is not None:
        return "torch.jit.trace writes down PyTorch's own operators alone"
    if dtype not in DTYPES:
        return f"the kernel computes in float32 and float64, and the data are {dtype}"
    if watch and is_transformed():
        return "a transform is under way, and what the kernel watches it gives back in plain calls only"
    obstacle = obstacle_of(by_key[key], device, dtype, differentiate, watch, projected)
    if obstacle is None and name_for(device) == "gpu":
        kernel = gpu.kernel_of(by_key[key], dtype, differentiate, watch, projected)
        return obstacle_to_width(kernel.program, units)
    return obstacle


def backend_of(layer: Layer, watch: bool = False) -> str:
    """The backend for a layer.

    Raises:
        InputError: the backend that was asked for cannot run it.
    """
    return verdict(*known(layer, watch))[0]


def has_stepper(layer: Layer) -> bool:
    """Whether the kernel can run one step of a layer after the other, in the dtype and the places it lies in."""
    check(layer)
    in_place = layer.x.dtype not in HALF and all(each.is_contiguous() for each in layer.learned)
    return in_place and backend_of(layer) == "cpu"


def run(layer: Layer) -> tuple[Tensor, list[Tensor]]:
    """Outputs `[T, B, D * H]` and last states of a layer, on the backend of the plan.

    Raises:
        InputError: parts of the layer do not fit one another, or the backend that was asked for cannot run it.
    """
    check(layer)
    half = half_of(layer)
    if half is None:
        return run_checked(layer)
    chosen = backend_of(layer)
    if chosen == "cudnn":
        return in_half(theirs.run, layer, half, widen=False)
    if chosen != "reference" and obstacle_to_products(layer, half) is None:
        return in_half(fast.run, layer, half, widen=False)
    return in_half(run_checked, layer, half, widen=True)


def run_checked(layer: Layer) -> tuple[Tensor, list[Tensor]]:
    """The same for a layer whose parts fit one another, in float32 or float64."""
    runs = {"reference": reference.run, "cudnn": theirs.run}
    return runs.get(backend_of(layer), fast.run)(layer)


def watch(layer: Layer) -> tuple[Tensor, list[Tensor], dict[str, Tensor]]:
    """What `run` gives, and every signal by name: `[T, B, D, H]`, or packed `[N, D, H]`.

    Signals of numbers in half precision are in float32. The GPU kernel has h only as it puts it out, rounded.
    """
    check(layer)
    half = half_of(layer)
    if half is None:
        return watch_checked(layer)
    if backend_of(layer, watch=True) == "gpu" and obstacle_to_products(layer, half) is None:
        return in_half(fast.watch, layer, half, widen=False)
    return in_half(watch_checked, layer, half, widen=True)


def watch_checked(layer: Layer) -> tuple[Tensor, list[Tensor], dict[str, Tensor]]:
    """The same for a layer whose parts fit one another, in float32 or float64."""
    return reference.watch(layer) if backend_of(layer, watch=True) == "reference" else fast.watch(layer)


def threads_note() -> str:
    """How many threads the kernels use, in words."""
    if host.parallel_runner() is None:
        return "one thread: PyTorch's OpenMP pool was not found"
    threads = torch.get_num_threads()
    return f"up to {threads if host.grants(threads) else 1} threads of PyTorch's OpenMP pool"
