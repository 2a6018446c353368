"""How the GPU kernel is launched: by which programs, and with which switches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .cpu import Around
from .program import Program
from .ragged import Ragged
from .sizes import Sizes

ROWS = 16  # rows of a program: the fewest that the products of a GPU take
NARROWEST = 16
WIDEST = 256  # units that one program has all of
SHARED = 64  # units of a program where several share a row
DEPTH = {"bf16": 32, "tf32": 32, "ieee": 16}  # numbers of a product that are read at once
INPUT_PRECISION = {"bf16": "ieee", "tf32": "tf32", "ieee": "ieee"}  # of numbers that are not in half precision
STASHED = {"bf16": 128, "tf32": 64, "ieee": 32}  # units up to which a program keeps the recurrent weights


class Tiles(NamedTuple):
    """How the units are shared.

    Attributes:
        width: units of a program.
        programs: that share the units of a row; several take every turn in a launch of its own.
        stash: whether a program keeps the recurrent weights from step to step.
        warps: of a program.
    """

    width: int
    programs: int
    stash: bool
    warps: int

    @classmethod
    def of(cls, program: Program, units: int, precision: str) -> Tiles:
        width = max(NARROWEST, 1 << (units - 1).bit_length())
        reduces = any(node.reduces for node in (*program.forward, *program.backward))
        whole = width <= WIDEST or reduces or program.projected
        width = width if whole else SHARED
        weights = len(program.gates) * program.recurrent * width**2
        stash = whole and weights <= 4 * STASHED[precision] ** 2
        return cls(width, 1 if whole else -(-units // width), stash, 4 if width <= 64 else 8)


def precision_of(dtype: torch.dtype) -> str:
    """How products are taken."""
    if dtype == torch.bfloat16:
        return "bf16"
    return "tf32" if dtype == torch.float32 and torch.backends.cuda.matmul.allow_tf32 else "ieee"


def launch(
    entry: Any, sizes: Sizes, program: Program, tiles: Tiles, places: int, precision: str, around: Around,
    tensors: Mapping[str, Tensor | None], **switches: bool,
) -> None:  # fmt: skip
    """All turns of a loop: in one launch, or, where several programs share the units of a row, one by one."""
    noise, y = around.noise, tensors["y"]
    assert y is not None
    lengths, begins, order = (None,) * 3 if around.ragged is None else on_device(around.ragged, y.device)
    given = {
        "noise": noise, "mask": around.mask, "resets": None if around.reset is None else around.reset.view(torch.int8),
        "lengths": lengths, "begins": begins, "order": order,
    }  # fmt: skip
    known = dict(
        steps=sizes.steps, rows=sizes.rows, places=places,
        noise_place=0 if noise is None or len(noise) == 1 else noise[0].numel(),
        UNITS=sizes.units, OUTPUTS=sizes.outputs, PROJECTED=program.projected, DIRECTIONS=sizes.directions,
        MASKED=around.mask is not None, RESETS=around.reset is not None, RAGGED=lengths is not None,
        SORTED=order is not None, STASH=tiles.stash, PRECISION=INPUT_PRECISION[precision], ROWS=ROWS,
        WIDTH=tiles.width, DEPTH=DEPTH[precision],
    )  # fmt: skip
    grid = (-(-sizes.rows // ROWS), sizes.directions, tiles.programs)
    turns = sizes.steps + 1
    each = turns if tiles.programs == 1 else 1
    with torch.cuda.device_of(y):
        for turn in range(0, turns, each):
            entry[grid](
                **tensors, **given, **known, **switches, first_turn=turn, last_turn=turn + each, num_warps=tiles.warps
            )


def on_device(ragged: Ragged, device: torch.device) -> list[Tensor | None]:
    """Lengths, places and order of rows where the kernel runs."""
    return [None if each is None else each.to(device) for each in (ragged.lengths, ragged.begins, ragged.order)]
