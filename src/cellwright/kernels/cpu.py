"""The CPU kernel as seen from Python: what it needs in memory, who works on what, and the call itself."""

from __future__ import annotations

import ctypes
import os
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from ..cells import Cell
from . import fields, host, native
from .packs import digest_of, packs
from .printer import Layout, printed
from .program import Program, trace

CACHE_LINE = 64
DTYPES = {torch.float32: "float32", torch.float64: "float64"}


@dataclass(frozen=True, eq=False)
class Kernel:
    """The compiled loops of one cell and dtype."""

    program: Program
    layout: Layout
    source: tuple[str, str] = field(repr=False)
    name: str

    @cached_property
    def tile(self) -> int:
        most_vectors = max(4, self.layout.panel)
        return native.tile(self.name.rpartition("-")[2], self.layout.rows_at_once, most_vectors)

    @cached_property
    def turn(self) -> int:
        return native.turn(self.name.rpartition("-")[2])

    @cached_property
    def forward(self) -> int:
        return native.kernel(f"{self.name}-{'training' if self.program.gradients else 'inference'}", self.source[0])

    @cached_property
    def backward(self) -> int:
        return native.kernel(f"{self.name}-backward", self.source[1])


@cache
def kernel_of(cell: Cell, dtype: torch.dtype, differentiate: bool) -> Kernel:
    """The kernel of a cell; compiled when it first runs.

    Raises:
        Untraceable: the cell cannot run in a kernel; the message says why.
    """
    program = trace(cell, differentiate)
    target = host.host_target(DTYPES[dtype])
    name = f"{cell.name}-{target.dtype}"
    return Kernel(program, Layout.of(program, target), printed(program, target, cell.name), name)


class Sizes(NamedTuple):
    """The sizes of one call."""

    steps: int
    rows: int
    inputs: int
    units: int
    directions: int

    def blocks(self, layout: Layout) -> int:
        return -(-self.units // layout.block)

    def padded(self, layout: Layout) -> int:
        return self.blocks(layout) * layout.block


class Team(NamedTuple):
    """How threads share the work: all of them, those on one direction together, and what they share there."""

    threads: int
    size: int
    by_rows: bool


_forked = False
_crowded_until = 0.0


def _note_fork() -> None:
    global _forked
    _forked = True


def note_crowd() -> None:
    """Other programs hold the processors: let single threads work for a while."""
    global _crowded_until
    _crowded_until = time.monotonic() + CROWD_SECONDS


def threads_now() -> int:
    """PyTorch's number of threads; one in a forked process, whose pool is gone, and while it is crowded."""
    alone = _forked or (_crowded_until and time.monotonic() < _crowded_until)
    return 1 if alone else torch.get_num_threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)

CROWD_SECONDS = 0.2
SHORT = 32  # steps times rows up to which packed weights are looked up instead of made
NEAR_MEMORY = 3 << 18  # bytes of recurrent weights that every thread can keep in its own cache
SMALL_WORK = 1_000_000  # multiplications below which a second thread costs more than it brings
SMALL_STEP = 20_000  # the same, for a step after which the threads must meet


def team_for(sizes: Sizes, layout: Layout, threads: int) -> Team:
    """Share the directions first, then the rows if there are enough of them, otherwise the units."""
    step = sizes.rows * layout.gates * sizes.units * (sizes.inputs + sizes.units)
    if threads == 1 or host.parallel_runner() is None or step * sizes.steps < SMALL_WORK:
        return Team(1, 1, True)
    size = threads // sizes.directions if threads % sizes.directions == 0 else threads
    recurrent_bytes = layout.gates * sizes.units**2 * layout.size
    by_rows = sizes.rows >= 8 * size and recurrent_bytes <= NEAR_MEMORY
    if size > 1 and not by_rows and (step < SMALL_STEP or sizes.blocks(layout) < size):
        size = 1
    threads = size * sizes.directions if threads % sizes.directions == 0 else size
    return Team(threads, size, by_rows or size == 1)


class Plan(NamedTuple):
    """What calls of the same sizes share: the team, fixed fields, and the working memory.

    Attributes:
        fixed: all fields up to POINTERS, those that are known.
        offsets: fields and where their memory begins, in bytes.
        cleared: so many bytes from the start must be zero.
        total: the size of the working memory, in bytes.
        pack_offsets: the same as `offsets` for the packed weights, which may stand elsewhere.
        pack_total: the size of the packed weights, in bytes.
    """

    team: Team
    fixed: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    cleared: int
    total: int
    pack_offsets: tuple[tuple[int, int], ...]
    pack_total: int


def chunk_steps(sizes: Sizes, layout: Layout) -> int:
    """Steps whose gates stand in memory at once: some hundred rows, but not much more than a cache holds."""
    row = sizes.padded(layout) * layout.slots * layout.size
    rows = max(24, min(512, (1 << 20) // row))
    return max(1, min(sizes.steps, rows // max(1, sizes.rows)))


def placed(parts: Mapping[int, int], size: int, start: int = 0) -> tuple[tuple[tuple[int, int], ...], int]:
    """Put parts, given in numbers, one behind the other, each on its own cache lines: offsets, and the end."""
    offsets = []
    for name, numbers in parts.items():
        offsets.append((name, start))
        start += -(-numbers * size // CACHE_LINE) * CACHE_LINE
    return tuple(offsets), start


def planned(
    layout: Layout,
    sizes: Sizes,
    team: Team,
    sums: Mapping[int, int],
    others: Mapping[int, int],
    packs: Mapping[int, int],
) -> Plan:
    """Place the sums, which start at zero, and the other parts of the working memory; and the packed weights."""
    cleared_offsets, cleared = placed(sums, layout.size)
    offsets, total = placed(others, layout.size, cleared)
    pack_offsets, pack_total = placed(packs, layout.size)
    several = team.threads > 1
    known = {
        fields.STEPS: sizes.steps,
        fields.ROWS: sizes.rows,
        fields.INPUTS: sizes.inputs,
        fields.UNITS: sizes.units,
        fields.DIRECTIONS: sizes.directions,
        fields.CHUNK: chunk_steps(sizes, layout),
        fields.BY_ROWS: int(team.by_rows),
        fields.TEAM_SIZE: team.size,
        fields.THREADS: team.threads,
        fields.THREAD_NUMBER: host.thread_number() if several else 0,
        fields.YIELD: host.pause() if several else 0,
    }
    fixed = tuple(known.get(name, 0) for name in range(fields.POINTERS))
    everywhere = (*cleared_offsets, *offsets)
    return Plan(team, fixed, everywhere, cleared, total, pack_offsets, pack_total)


@lru_cache(maxsize=512)
def plan_forward(layout: Layout, sizes: Sizes, keep: bool, threads: int) -> Plan:
    """The team and the memory of a forward call."""
    team = team_for(sizes, layout, threads)
    rows, inputs, units, directions = sizes[1:]
    padded, panel = sizes.padded(layout), sizes.padded(layout) * layout.gates
    z = 0 if keep else directions * chunk_steps(sizes, layout) * rows * padded * layout.slots
    sums = {fields.MEETINGS: directions * CACHE_LINE}
    others = {
        fields.STATE: directions * 2 * layout.states * rows * padded,
        fields.SCRATCH: team.threads * layout.scratch,
        fields.Z: z,
    }
    packs = {
        fields.PACKED_W: directions * inputs * panel,
        fields.PACKED_R: directions * units * panel,
        fields.PACKED_BX: directions * panel,
        fields.PACKED_BR: directions * panel,
        fields.PACKED_VECTORS: directions * layout.vectors * padded,
    }
    return planned(layout, sizes, team, sums, others, packs)


@lru_cache(maxsize=512)
def plan_backward(layout: Layout, sizes: Sizes, threads: int) -> Plan:
    """The team and the memory of a backward call."""
    team = team_for(sizes, layout, threads)
    rows, inputs, units, directions = sizes[1:]
    padded, panel = sizes.padded(layout), sizes.padded(layout) * layout.gates
    chunk = directions * chunk_steps(sizes, layout) * rows
    sums = {
        fields.MEETINGS: directions * CACHE_LINE,
        fields.D_PACKED_W: directions * inputs * panel,
        fields.D_PACKED_R: directions * units * panel,
        fields.D_PACKED_BX: directions * panel,
        fields.D_PACKED_BR: directions * panel,
        fields.D_PACKED_VECTORS: directions * layout.vectors * rows * padded,
        fields.ZEROS: max(4 * layout.lanes, layout.block),
    }
    others = {
        fields.DZX: chunk * panel,
        fields.DZR: chunk * panel if layout.apart else 0,
        fields.H_BEFORE: chunk * padded,
        fields.DX_PADDED: chunk * -(-inputs // layout.lanes) * layout.lanes,
        fields.COLUMNS: chunk * max(inputs, units),
        fields.PANEL: team.threads * chunk // directions * layout.gates * layout.block,
        fields.D_STATE: directions * layout.states * rows * padded,
        fields.SCRATCH: team.threads * layout.scratch,
    }
    packs = {
        fields.TURNED_W: directions * -(-inputs // layout.lanes) * layout.lanes * panel,
        fields.TURNED_R: directions * padded * panel,
        fields.PACKED_VECTORS: directions * layout.vectors * padded,
    }
    return planned(layout, sizes, team, sums, others, packs)


def forward(
    kernel: Kernel,
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    bias: bool,
    lengths: Tensor | None,
    reset: Tensor | None,
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Run one layer: `(y, last states, what backward needs)`.

    Args:
        kernel: with a derivative, what backward needs is kept.
        x: `[T, B, I]`, contiguous as all tensors here.
        state: per state, `h` first, `[D, B, H]`.
        weights: per direction `W [G H, I]`, `R [G H, H]`, then the biases `[G H]` and the vectors `[H]`.
        bias: whether the two biases are among the weights.
        lengths: 64-bit integers `[B]`.
        reset: truth values `[T, B]`.
    """
    layout, keep = kernel.layout, bool(kernel.program.gradients)
    sizes = sizes_of(x, state)
    plan = plan_forward(layout, sizes, keep, threads_now())
    y = fresh(x.new_empty(sizes.steps, sizes.rows, sizes.directions * sizes.units))
    last = [torch.empty_like(each) for each in state]
    saved = [fresh(x.new_empty(shape)) for shape in saved_shapes(kernel, sizes)] if keep else []
    short = not keep and sizes.steps * sizes.rows <= SHORT
    key = (layout, *sizes[2:], bias, digest_of(weights)) if short else None
    pack = packs.get(key) if short else None
    call = Call(plan, pack)
    call[fields.TILE], call[fields.TURN] = kernel.tile, kernel.turn
    call.put({fields.X: x, fields.Y: y, fields.LENGTHS: lengths, fields.RESETS: reset})
    if keep:
        call.put({fields.Z: saved[0], fields.HISTORY: saved[1]})
    nothing = [None] * layout.states
    call.append([*state, *last, *nothing, *nothing])
    call.append_weights(weights, sizes.directions, bias, [None] * len(weights))
    call.run(kernel.forward)
    if short and pack is None:
        packs.put(key, call.pack)
    return y, last, saved


def backward(
    kernel: Kernel,
    dy: Tensor,
    d_last: Sequence[Tensor | None],
    x: Tensor,
    y: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[Tensor],
    bias: bool,
    saved: Sequence[Tensor],
    lengths: Tensor | None,
    reset: Tensor | None,
    with_dx: bool,
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """The gradients of one layer: `(dx, of the first states, of the weights)`; dx is empty unless asked for."""
    layout, sizes = kernel.layout, sizes_of(x, state)
    plan = plan_backward(layout, sizes, threads_now())
    dx = fresh(x.new_empty(sizes.directions if with_dx else 0, *x.shape))
    d_state = [torch.empty_like(each) for each in state]
    d_weights = [fresh(torch.empty_like(each)) for each in weights]
    call = Call(plan)
    call[fields.TILE], call[fields.TURN] = kernel.tile, kernel.turn
    if not layout.apart:
        call[fields.DZR] = call[fields.DZX]
    one = x.new_ones(1)
    call.put({fields.X: x, fields.Y: y, fields.DY: dy, fields.LENGTHS: lengths, fields.RESETS: reset})
    call.put({fields.Z: saved[0], fields.HISTORY: saved[1], fields.ONE: one})
    call.put({fields.DX: dx if with_dx else None})
    call.append([*state, *[None] * layout.states, *d_last, *d_state])
    call.append_weights(weights, sizes.directions, bias, d_weights)
    call.run(kernel.backward)
    if not with_dx:
        return x.new_empty(0), d_state, d_weights
    return dx[0] if sizes.directions == 1 else dx.sum(0), d_state, d_weights


def sizes_of(x: Tensor, state: Sequence[Tensor]) -> Sizes:
    steps, rows, inputs = x.shape
    directions, _, units = state[0].shape
    return Sizes(steps, rows, inputs, units, directions)


def saved_shapes(kernel: Kernel, sizes: Sizes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shapes of what forward keeps: the saved gates in blocks, and the states other than h."""
    layout, padded = kernel.layout, sizes.padded(kernel.layout)
    z = (sizes.directions, sizes.steps, sizes.rows, sizes.blocks(layout), layout.slots, layout.block)
    return z, (sizes.directions, layout.states - 1, sizes.steps, sizes.rows, padded)


class Call:
    """The fields of one call in the making, and its working memory."""

    def __init__(self, plan: Plan, pack: Tensor | None = None) -> None:
        self.plan = plan
        self.memory = fresh(torch.empty(plan.total + CACHE_LINE, dtype=torch.uint8))
        self.pack = fresh(torch.empty(plan.pack_total + CACHE_LINE, dtype=torch.uint8)) if pack is None else pack
        self.values = list(plan.fixed)
        self.values[fields.PACKED] = int(pack is not None)
        ctypes.memset(self.place(self.memory, plan.offsets), 0, plan.cleared)
        self.place(self.pack, plan.pack_offsets)

    def place(self, memory: Tensor, offsets: Sequence[tuple[int, int]]) -> int:
        """Fields that point into memory; the address of its first whole cache line."""
        base = -(-memory.data_ptr() // CACHE_LINE) * CACHE_LINE
        for name, offset in offsets:
            self.values[name] = base + offset
        return base

    def __getitem__(self, name: int) -> int:
        return self.values[name]

    def __setitem__(self, name: int, value: int) -> None:
        self.values[name] = value

    def put(self, tensors: Mapping[int, Tensor | None]) -> None:
        for name, tensor in tensors.items():
            self.values[name] = address(tensor)

    def append(self, tensors: Sequence[Tensor | None]) -> None:
        self.values += map(address, tensors)

    def append_weights(
        self, weights: Sequence[Tensor], directions: int, bias: bool, gradients: Sequence[Tensor | None]
    ) -> None:
        """Per direction the weights and then their gradients; without biases, zeros in their places."""
        each = len(weights) // directions
        for first in range(0, len(weights), each):
            for group in (weights, gradients):
                own = list(group[first : first + each])
                self.append(own if bias else [*own[:2], None, None, *own[2:]])

    def run(self, entry: int) -> None:
        """Run a kernel on the threads of the plan."""
        call = array("q", self.values)
        at, _ = call.buffer_info()
        threads = self.plan.team.threads
        if threads == 1:
            function_at(entry)(at)
        else:
            runner = host.parallel_runner()
            assert runner is not None
            runner(entry, at, threads, 0)
            if ctypes.c_int64.from_address(self.values[fields.MEETINGS] + fields.CROWDS).value > 0:
                note_crowd()


def fresh(tensor: Tensor) -> Tensor:
    """A new tensor that nothing has touched yet, on large pages if it is large."""
    if tensor.nbytes > host.LARGE_PAGE:
        host.prefer_large_pages(tensor.data_ptr(), tensor.nbytes)
    return tensor


def address(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()


@cache
def function_at(entry: int) -> Callable[[int], None]:
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(entry)
