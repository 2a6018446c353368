"""The GPU kernel as seen from Python: what it takes and returns."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..cells import Cell
from . import native
from .given import DTYPES, Given, inner
from .gpu_launch import launch, precision_of, tiles_for
from .gpu_printer import printed
from .layer import weights_of
from .program import Program, Untraceable, trace
from .ragged import Ragged
from .sizes import Sizes


@dataclass(frozen=True, eq=False)
class Kernel:
    """The printed loops of one cell and dtype."""

    program: Program
    source: str = field(repr=False)
    name: str

    @functools.cached_property
    def module(self) -> Any:
        """The kernels; their file lies in the cache folder, where people and Triton can read it."""
        key = hashlib.sha256(self.source.encode()).hexdigest()[:16]
        with native.one_at_a_time:
            return native.imported(native.readable(native.cache_folder() / f"{self.name}-{key}.py", self.source))


@functools.cache
def kernel_of(
    cell: Cell, dtype: torch.dtype, differentiate: bool, watch: bool = False, projected: bool = False
) -> Kernel:
    """The kernel of a cell, with its derivative, and with all signals to be seen; compiled when it first runs.

    Raises:
        Untraceable: the cell cannot run in a kernel; the message says why.
    """
    program = trace(cell, differentiate, watch, projected)
    if projected and program.recurrent > 1:
        raise Untraceable("several states cannot be projected on a GPU")
    kind = DTYPES[inner(dtype)]
    return Kernel(program, printed(program, kind, cell.name), f"{cell.name}-gpu-{DTYPES[dtype]}")


def saved_shapes(kernel: Kernel, places: Sequence[int], sizes: Sizes) -> list[tuple[int, ...]]:
    """The shapes of what backward needs: the saved values, and the states other than h."""
    slots, states = len(kernel.program.saved), len(kernel.program.states)
    return [
        (sizes.directions, *places, slots, sizes.units),
        (sizes.directions, states - 1, *places, sizes.units),
    ]


class Weights(NamedTuple):
    """The weights of all directions.

    Attributes:
        w: `[D, G H, I]`.
        r: `[D, G H, C P]`.
        b_w, b_r: of the input and of the recurrent contributions `[D, G H]`, or None.
        p: the projection `[D, P, H]`, or None.
        vectors: `[D, vectors, H]`, or None.
    """

    w: Tensor
    r: Tensor
    b_w: Tensor | None
    b_r: Tensor | None
    p: Tensor | None
    vectors: Tensor | None

    @classmethod
    def of(cls, given: Given, projected: bool) -> Weights:
        """Those that a call is given, one behind the other, as they are in it."""
        weights, directions, bias = given.weights, given.sizes.directions, given.bias
        each = len(weights) // directions
        groups = zip(*(weights[n : n + each] for n in range(0, len(weights), each)), strict=True)
        together = [torch.stack(group) if directions > 1 else group[0][None] for group in groups]
        w, r, b_w, b_r, vectors, p = weights_of(together, bias, projected)
        return cls(w, r, b_w, b_r, p, torch.stack(vectors, 1) if vectors else None)

    def in_precision(self, precision: str) -> Weights:
        """The same with the matrices of the loop stored as it multiplies them."""
        if precision != "bf16":
            return self
        return self._replace(r=self.r.bfloat16(), p=None if self.p is None else self.p.bfloat16())


def forward(kernel: Kernel, given: Given, y: Tensor, saved: Sequence[Tensor]) -> list[Tensor]:
    """Run one layer, as `cpu.forward` does; returns the last states."""
    sizes, x, state, _, bias, reset_state, around = given
    program, dtype = kernel.program, inner(x.dtype)
    weights = Weights.of(given, program.projected)
    last = [each.clone() for each in state] or [x.new_empty(shape, dtype=dtype) for shape in shapes(program, sizes)]
    contributions = wide_product(x.flatten(0, -2), weights.w.flatten(0, 1).T)
    precision = precision_of(x.dtype, around.precision)
    weights = weights.in_precision(precision)
    tiles = tiles_for(program, sizes, precision, x.device)
    left = (2, program.recurrent, sizes.directions, sizes.rows, sizes.outputs)
    opened = (sizes.directions, sizes.rows, sizes.units)
    nothing = last[0]
    launch(
        kernel.module.forward, given, program, tiles, len(contributions), precision,
        {
            "recurrent": weights.r, "projection": weights.p, "vectors": weights.vectors, "inputs": contributions,
            "bias_w": weights.b_w if bias else nothing, "bias_r": weights.b_r if bias else nothing, "y": y,
            "left": None if tiles.stash else weights.r.new_empty(left),
            "opened": x.new_empty(opened, dtype=dtype) if program.projected else None,
            "saved": saved[0] if saved else None, "history": saved[1] if saved else None,
            **named("state", program, last), **named("fresh", program, reset_state or [nothing] * len(last)),
        },
        begun=bool(state), numbers=len(program.gates) + len(program.noise), BIAS=bias, FRESH=bool(reset_state),
    )  # fmt: skip
    return last


def shapes(program: Program, sizes: Sizes) -> list[tuple[int, int, int]]:
    """The shapes of the states, those first that the recurrent weights multiply."""
    seen, states = program.recurrent, len(program.states)
    return [(sizes.directions, sizes.rows, sizes.outputs if n < seen else sizes.units) for n in range(states)]


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
    """The gradients of one layer, as `cpu.backward` gives them."""
    sizes, x, state, _, _, reset_state, around = given
    program, dtype = kernel.program, inner(x.dtype)
    precision = precision_of(x.dtype, around.precision)
    weights = Weights.of(given, program.projected).in_precision(precision)
    of_places = (sizes.directions, x.shape[:-1].numel())
    of_states = shapes(program, sizes)
    is_carried = any(each is not None for each in d_last)
    carry = [
        (x.new_zeros if is_carried else x.new_empty)(shape, dtype=dtype) if each is None else each.clone()
        for shape, each in zip(of_states, d_last, strict=True)
    ]
    d_reset = [torch.zeros_like(each) for each in reset_state]
    found = Found(
        d_x := x.new_empty(*of_places, len(program.gates), sizes.units),
        torch.empty_like(d_x) if program.apart else d_x,
        x.new_empty(*of_places, program.recurrent, sizes.outputs),
        x.new_empty(*of_places, sizes.outputs, dtype=dtype) if program.projected else None,
        x.new_zeros(sizes.directions, len(program.vectors), sizes.rows, sizes.units, dtype=dtype)
        if program.vectors
        else None,
    )
    nothing = carry[0]
    tiles = tiles_for(program, sizes, precision, x.device)
    launch(
        kernel.module.backward, given, program, tiles, of_places[1], precision,
        {
            "recurrent": weights.r, "projection": weights.p, "vectors": weights.vectors, "dy": dy, "y": y,
            "saved": saved[0], "history": saved[1],
            "d_saved": nothing if d_saved[0] is None else d_saved[0],
            "d_history": nothing if d_saved[1] is None else d_saved[1],
            **found._asdict(),
            **named("first", program, state or [nothing] * len(carry)),
            **named("fresh", program, reset_state or [nothing] * len(carry)),
            **named("carry", program, carry), **named("d_fresh", program, d_reset or [nothing] * len(carry)),
        },
        begun=is_carried, numbers=numbers_of(program, d_saved), FIRST=bool(state), FRESH=bool(reset_state),
        HEARD_GATES=d_saved[0] is not None, HEARD_STATES=d_saved[1] is not None,
    )  # fmt: skip
    dx = x.new_empty(0)
    if with_dx:
        dx = gradient_of_input(d_x.flatten(2), weights.w).view(x.shape)
    opened = None
    if program.projected:
        kept = (*of_places, len(program.saved), sizes.units)
        opened = saved[0].flatten()[: math.prod(kept)].view(kept)[:, :, len(program.watched)]
    of_bias = None if weights.b_w is None else weights.b_w.dtype
    d_weights = gradients(found, x.reshape(-1, sizes.inputs), opened, of_bias, sizes, around.ragged, groups)
    return dx, carry if state else [], d_weights, d_reset


def numbers_of(program: Program, d_saved: Sequence[Tensor | None]) -> int:
    """How many numbers of each unit and row a turn of `backward` reads."""
    heard = (0 if d_saved[0] is None else len(program.watched)) + (d_saved[1] is not None) * (len(program.states) - 1)
    return len(program.saved) + 2 * len(program.states) + 1 + heard + len(program.noise)


class Found(NamedTuple):
    """What the loop backward leaves, for N places.

    Attributes:
        d_inputs: gradients of the input contributions `[D, N, G, H]`.
        d_recurrent: of the recurrent contributions; the same where they are equal.
        entered: the states that entered the recurrent products `[D, N, C, P]`.
        projected_d: the cotangents of what is put out and carried on: `[D, N, P]`; None if it is not projected.
        d_vectors: of the learned vectors, row by row: `[D, vectors, B, H]`; None if there are none.
    """

    d_inputs: Tensor
    d_recurrent: Tensor
    entered: Tensor
    projected_d: Tensor | None
    d_vectors: Tensor | None


def gradients(
    found: Found,
    x: Tensor,
    opened: Tensor | None,
    of_bias: torch.dtype | None,
    sizes: Sizes,
    ragged: Ragged | None,
    groups: int,
) -> list[Tensor]:
    """Per direction the gradients of W, R, the biases of a dtype, if there are any, the projection and the vectors.

    They are sums over all places; or if there are groups of rows of those of each, `[groups, ...]`.
    """

    def of(values: Tensor) -> Tensor:
        """`[N, ...]` to `[N, F]`, or to `[groups, steps of all its rows, F]`."""
        values = values.flatten(1)
        if not groups:
            return values
        whole = values if ragged is None else ragged.unpacked(values)
        return whole.view(sizes.steps, groups, -1, values.shape[-1]).transpose(0, 1).flatten(1, 2)

    order = None if ragged is None or ragged.order is None else ragged.order.argsort()
    results = []
    for d in range(sizes.directions):
        of_x = of(found.d_inputs[d])
        of_r = of_x if found.d_recurrent is found.d_inputs else of(found.d_recurrent[d])
        results += [wide_product(of_x.mT, of(x)), wide_product(of_r.mT, of(found.entered[d]))]
        if of_bias is not None:
            results.append(of_x.sum(-2, dtype=of_bias))
            results.append(results[-1].clone() if of_r is of_x else of_r.sum(-2, dtype=of_bias))
        if opened is not None and found.projected_d is not None:
            results.append(wide_product(of(found.projected_d[d]).to(x.dtype).mT, of(opened[d]).to(x.dtype)))
        for each in () if found.d_vectors is None else found.d_vectors[d]:
            by_row = each if order is None else each[order]
            results.append(by_row.unflatten(0, (groups, -1)).sum(1) if groups else by_row.sum(0))
    return results


def gradient_of_input(d_inputs: Tensor, w: Tensor) -> Tensor:
    """`[N, I]`, the sum over the directions, rounded once."""
    return functools.reduce(torch.add, map(wide_product, d_inputs, w)).to(w.dtype)


def wide_product(a: Tensor, b: Tensor) -> Tensor:
    """The product of matrices `[..., N, K]` and `[..., K, M]`; of those in half precision with all sums in float32."""
    if a.is_cuda and a.dtype != inner(a.dtype):
        return (torch.mm if a.dim() == 2 else torch.bmm)(a, b, out_dtype=inner(a.dtype))
    return a.to(inner(a.dtype)) @ b.to(inner(a.dtype))


def named(kind: str, program: Program, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
    """Tensors of the states, by the names of their arguments."""
    return {f"{kind}_{name}": each for name, each in zip(program.states, tensors, strict=True)}
