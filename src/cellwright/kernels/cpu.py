"""The CPU kernel as seen from Python: what it takes and returns, and the call itself."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

import torch
from torch import Tensor

from ..cells import Cell
from . import fields, host, native, stepwise
from .given import DTYPES, Around, Given, inner
from .kept import Kept
from .layer import weights_of
from .memory import CACHE_LINE, Plan, plan_backward, plan_forward
from .printer import Layout, printed
from .program import Program, trace
from .sharing import note_crowd, threads_now
from .sizes import Sizes

SHORT = 32  # steps times rows up to which a call is kept with its packed weights


@dataclass(frozen=True, eq=False)
class Kernel:
    """The compiled loops of one cell and dtype."""

    program: Program
    layout: Layout
    source: tuple[str, str] = field(repr=False)
    name: str

    @cached_property
    def routines(self) -> Mapping[int, int]:
        """The addresses of the routines that the loops call."""
        layout, dtype = self.layout, self.name.rpartition("-")[2]
        inner = host.host_target(dtype).dtype
        rows, widths = layout.rows_at_once, tuple(sorted({1, 2, 3, 4, layout.panel}))
        tile = native.tile_of_bfloat16() if layout.tiled else native.tile(dtype, rows, widths)
        return {
            fields.TILE: tile,
            fields.PLAIN_TILE: native.tile(inner, 1, (layout.panel,)) if layout.narrow else tile,
            fields.HALF_TILE: tile if layout.tiled else native.tile(dtype, rows, (layout.panel,), half=True),
            fields.DOTS: native.dots(inner),
            fields.TURN: native.turn(inner),
        }

    @cached_property
    def forward(self) -> int:
        kind = "watched" if self.program.watched else "training" if self.program.gradients else "inference"
        return native.kernel(f"{self.name}-{kind}", self.source[0])

    @cached_property
    def backward(self) -> int:
        return native.kernel(f"{self.name}-backward", self.source[1])


@cache
def kernel_of(
    cell: Cell, dtype: torch.dtype, differentiate: bool, watch: bool = False, projected: bool = False
) -> Kernel:
    """The kernel of a cell, with its derivative, and with all signals to be seen; compiled when it first runs.

    Raises:
        Untraceable: the cell cannot run in a kernel; the message says why.
    """
    program = trace(cell, differentiate, watch, projected)
    target = host.host_target(DTYPES[dtype])
    name = f"{cell.name}-{DTYPES[dtype]}"
    return Kernel(program, Layout.of(program, target), printed(program, target, cell.name), name)


class Call:
    """A call of a kernel: its fields and its working memory. One thread at a time uses it."""

    def __init__(self, kernel: Kernel, plan: Plan) -> None:
        self.plan = plan
        self.projected = kernel.layout.projected
        self.memory = fresh(torch.empty(plan.total + CACHE_LINE, dtype=torch.uint8, device="cpu"))
        self.start = -(-self.memory.data_ptr() // CACHE_LINE) * CACHE_LINE
        self.values = array("q", plan.fixed)
        for name, offset in plan.offsets:
            self.values[name] = self.start + offset
        for name, routine in kernel.routines.items():
            self.values[name] = routine

    @property
    def nbytes(self) -> int:
        return self.memory.nbytes

    def append(self, tensors: Sequence[Tensor | None]) -> None:
        self.values.extend(map(address, tensors))

    def append_weights(
        self, weights: Sequence[Tensor], directions: int, bias: bool, gradients: Sequence[Tensor | None]
    ) -> None:
        """Per direction the weights and then their gradients; zeros in the places of biases that are not there."""
        each = len(weights) // directions
        for first in range(0, len(weights), each):
            for group in (weights, gradients):
                own = weights_of(group[first : first + each], bias, self.projected)
                self.append([own.w, own.r, own.b_w, own.b_r, own.p, *own.vectors])

    def put(self, tensors: Mapping[int, Tensor | None]) -> None:
        for name, tensor in tensors.items():
            self.values[name] = address(tensor)

    def put_around(self, sizes: Sizes, around: Around) -> Tensor | None:
        """What the call is told of lengths, resets and noise; what is returned must outlive the call."""
        ragged, noise = around.ragged, around.noise
        self.values[fields.PLACES] = sizes.steps * sizes.rows if ragged is None else int(ragged.begins[-1])
        self.put({fields.RESETS: around.reset, fields.NOISE: noise, fields.MASK: around.mask})
        self.values[fields.NOISE_PLACE] = 0 if noise is None or len(noise) < 2 else noise[0].numel()
        if ragged is None:
            return None
        self.put({fields.LENGTHS: ragged.lengths, fields.ORDER: ragged.order, fields.BEGINS: ragged.begins})
        team = self.plan.team
        shares = ragged.shares(team.size) if team.by_rows and team.size > 1 else None
        self.values[fields.SHARES] = address(shares)
        return shares

    def run(self, entry: int) -> None:
        """Run a kernel on the threads of the plan."""
        if self.plan.cleared:
            ctypes.memset(self.start, 0, self.plan.cleared)
        at, _ = self.values.buffer_info()
        threads = self.plan.team.threads
        if threads == 1:
            function_at(entry)(at)
        else:
            runner = host.parallel_runner()
            assert runner is not None
            runner(entry, at, threads, 0)
            if ctypes.c_int64.from_address(self.values[fields.MEETINGS] + fields.CROWDS).value > 0:
                note_crowd()


kept: Kept[Call] = Kept()


def forward(kernel: Kernel, given: Given, y: Tensor, saved: Sequence[Tensor]) -> list[Tensor]:
    """Run one layer; returns the last states.

    Args:
        kernel: with a derivative if something is to be saved.
        given: what it reads.
        y: room for the outputs, laid out as the caller's x; zeros where rows have ended.
        saved: empty, or of `saved_shapes`: room for what backward needs.
    """
    sizes, x, state, weights, bias, reset_state, around = given
    layout, keep, threads = kernel.layout, bool(saved), threads_now()
    short = not keep and around.ragged is None and sizes.steps * sizes.rows <= SHORT
    masked = around.mask is not None
    key = (kernel, sizes, bias, masked, threads, *[each.data_ptr() for each in weights]) if short else None
    call = kept.take(key) if short else None
    if call is None:
        call = Call(kernel, plan_forward(layout, sizes, masked, True, threads))
        call.append([None] * (fields.GROUPS * layout.states))
        call.append_weights(weights, sizes.directions, bias, [None] * len(weights))
        call.values[fields.DIGEST] = native.digest() if short else 0
    widths = [sizes.outputs] * layout.recurrent + [sizes.units] * (layout.states - layout.recurrent)
    last = [x.new_empty(sizes.directions, sizes.rows, width, dtype=inner(x.dtype)) for width in widths]
    values = call.values
    values[fields.X], values[fields.Y] = x.data_ptr(), y.data_ptr()
    for n in range(layout.states):
        at = fields.POINTERS + n
        values[at + fields.FIRST * layout.states] = state[n].data_ptr() if state else 0
        values[at + fields.LAST * layout.states] = last[n].data_ptr()
        values[at + fields.FRESH * layout.states] = reset_state[n].data_ptr() if reset_state else 0
    if keep:
        call.put({fields.SAVED: saved[0], fields.HISTORY: saved[1]})
    shares = call.put_around(sizes, around)
    call.run(kernel.forward)
    del shares
    if short:
        values[fields.PACKED] = values[fields.FOUND]
        kept.keep(key, call)
    return last


def backward(
    kernel: Kernel,
    given: Given,
    dy: Tensor,
    d_last: Sequence[Tensor | None],
    y: Tensor,
    saved: Sequence[Tensor],
    d_saved: Sequence[Tensor | None],
    with_dx: bool,
    groups: int,
) -> tuple[Tensor, list[Tensor], list[Tensor], list[Tensor]]:
    """The gradients of one layer: `(dx, of the first states, of the weights, of what resets bring)`.

    The first is empty unless asked for. Those of the weights are of each of some groups of rows, if there are groups.

    Args:
        kernel: with a derivative.
        given: what forward has read.
        dy: of the outputs.
        d_last: of the last states; None for zeros.
        y: what forward has put out.
        saved: what it has saved.
        d_saved: of the signals and states in it that are handed out; None for zeros.
        with_dx: whether the gradient of x is asked for.
        groups: of rows; 0 for sums over all.
    """
    sizes, x, state, weights, bias, reset_state, around = given
    layout = kernel.layout
    dx = fresh(x.new_empty((sizes.directions, *x.shape) if with_dx else 0))
    d_state = [torch.empty_like(each) for each in state]
    d_reset = [torch.zeros_like(each) for each in reset_state]
    d_weights = [fresh(torch.empty_like(each, dtype=inner(x.dtype))) for each in weights] if groups == 0 else []
    one = x.new_ones(1, dtype=inner(x.dtype))
    call = Call(kernel, plan_backward(layout, sizes, around.mask is not None, groups > 0, threads_now()))
    call.put({fields.X: x, fields.Y: y, fields.DY: dy, fields.ONE: one, fields.DX: dx if with_dx else None})
    call.put({fields.SAVED: saved[0], fields.HISTORY: saved[1]})
    call.put({fields.D_SAVED: d_saved[0], fields.D_HISTORY: d_saved[1]})
    nothing = [None] * layout.states
    for group in (state, (), d_last, d_state, reset_state, d_reset):
        call.append(group or nothing)
    call.append_weights(weights, sizes.directions, bias, d_weights or [None] * len(weights))
    shares = call.put_around(sizes, around)
    if sizes.rows:
        call.run(kernel.backward)
    else:
        for each in d_weights:
            each.zero_()
    del shares
    if groups > 0:
        d_weights = stepwise.gradients(kernel, call, given, groups)
    if with_dx:
        dx = dx[0] if sizes.directions == 1 else dx.sum(0)
    return dx, d_state, d_weights, d_reset


def saved_shapes(kernel: Kernel, places: Sequence[int], sizes: Sizes) -> list[tuple[int, ...]]:
    """The shapes of what backward needs: the saved values, signals apart or in blocks, and the states other than h.

    The places are T and B, or N if x is packed. What fills them stands in the order of the kernel.
    """
    layout, padded = kernel.layout, sizes.padded(kernel.layout)
    values = (sizes.blocks(layout), layout.slots, layout.block) if layout.in_place else (layout.slots, padded)
    return [
        (sizes.directions, *places, *values),
        (sizes.directions, layout.states - 1, *places, padded),
    ]


def fresh(tensor: Tensor) -> Tensor:
    """A new tensor that nothing has touched yet, on large pages if it is large."""
    if tensor.device.type == "cpu" and tensor.nbytes > host.LARGE_PAGE:
        host.prefer_large_pages(tensor.data_ptr(), tensor.nbytes)
    return tensor


def address(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.data_ptr()


@cache
def function_at(entry: int) -> Callable[[int], None]:
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(entry)
