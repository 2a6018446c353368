"""How the GPU kernel is launched: by which programs, and with which switches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .cpu import Around
from .program import Program
from .ragged import Ragged
from .sizes import Sizes

ROWS = (16, 32, 64)  # rows of a program: the fewest are those that the products of a GPU take
NARROWEST = 16
ALONE = 32  # units that one program computes faster than several can tell each other of them
SHARED = 32  # units of a program where several share a row
WIDEST = 256  # units that one program has all of, if the device has no room for several
KEPT = {"bf16": 1 << 16, "tf32": 1 << 14, "tf32x3": 1 << 12, "ieee": 1 << 12}  # weights that a program keeps, at most
DEPTH = {"bf16": 32, "tf32": 32, "tf32x3": 32, "ieee": 16}  # numbers of a product that are read at once
INPUT_PRECISION = {"bf16": "ieee"}  # of numbers that are not in half precision, where it has another name
SMALL = 1024  # numbers of a tile that four warps share; more are for eight


class Tiles(NamedTuple):
    """How rows and units are shared by programs.

    Attributes:
        rows, width: rows and units of a program.
        grid: how many programs there are: for all rows, directions, and the units of a row.
        stash: whether a program keeps the recurrent weights from step to step.
        together: whether the programs that share the units of a row run at once, and wait for each other.
        warps: of a program.
    """

    rows: int
    width: int
    grid: tuple[int, int, int]
    stash: bool
    together: bool
    warps: int

    @classmethod
    def of(cls, program: Program, sizes: Sizes, precision: str, processors: int) -> Tiles:
        """The tiles for a device of so many multiprocessors, each of which runs a program at any time."""
        span = max(NARROWEST, 1 << (sizes.units - 1).bit_length())
        reduces = any(node.reduces for node in (*program.forward, *program.backward))

        def tiles(rows: int, width: int, stash: bool, shared: bool) -> Tiles:
            grid = (-(-sizes.rows // rows), sizes.directions, -(-sizes.units // width))
            together = shared and math.prod(grid) <= processors
            return cls(rows, width, grid, stash, together, 4 if rows * width <= SMALL else 8)

        weights = len(program.gates) * program.recurrent * span**2
        whole = tiles(ROWS[0], span, stash=weights <= KEPT[precision], shared=False)
        if reduces:
            # Sums over a row need many values at once: registers for them come before those for weights.
            return whole._replace(stash=False, warps=2 * whole.warps)
        if program.projected or span <= ALONE:
            return whole
        shared = [tiles(rows, SHARED, stash=False, shared=True) for rows in ROWS]
        otherwise = whole if span <= WIDEST else shared[-1]
        return next((each for each in shared if each.together), otherwise)


def precision_of(dtype: torch.dtype, asked: str | None = None) -> str:
    """How recurrent products are taken of numbers that are stored in a dtype; what is asked goes for float32."""
    if dtype == torch.bfloat16:
        return "bf16"
    if dtype != torch.float32:
        return "ieee"
    return asked or ("tf32" if takes_tf32() else "tf32x3")


def takes_tf32() -> bool:
    """Whether PyTorch takes its own products so. Its newer switch tells of the older one too, and not the other way."""
    matmul = torch.backends.cuda.matmul
    newer = getattr(matmul, "fp32_precision", None)
    return matmul.allow_tf32 if newer is None else newer == "tf32"


def processors_of(device: torch.device) -> int:
    """The multiprocessors of a GPU; none where Triton interprets its kernels, one program after the other."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 0


def tiles_for(program: Program, sizes: Sizes, precision: str, device: torch.device) -> Tiles:
    """The tiles for a device."""
    return Tiles.of(program, sizes, precision, processors_of(device))


def launch(
    entry: Any, sizes: Sizes, program: Program, tiles: Tiles, places: int, precision: str, around: Around,
    tensors: Mapping[str, Tensor | None], **switches: bool,
) -> None:  # fmt: skip
    """All turns of a loop: in one launch, or, where programs wait for others that may not run yet, one by one."""
    noise, y = around.noise, tensors["y"]
    assert y is not None
    lengths, begins, order = (None,) * 3 if around.ragged is None else on_device(around.ragged, y.device)
    given = {
        "noise": noise, "mask": around.mask, "resets": None if around.reset is None else around.reset.view(torch.int8),
        "lengths": lengths, "begins": begins, "order": order,
        "arrived": y.new_zeros(tiles.grid[:2], dtype=torch.int32) if tiles.together else None,
    }  # fmt: skip
    known = dict(
        steps=sizes.steps, rows=sizes.rows, places=places,
        noise_place=0 if noise is None or len(noise) == 1 else noise[0].numel(),
        UNITS=sizes.units, OUTPUTS=sizes.outputs, PROJECTED=program.projected, DIRECTIONS=sizes.directions,
        MASKED=around.mask is not None, RESETS=around.reset is not None, RAGGED=lengths is not None,
        SORTED=order is not None, STASH=tiles.stash, TOGETHER=tiles.together,
        PRECISION=INPUT_PRECISION.get(precision, precision), ROWS=tiles.rows, WIDTH=tiles.width, DEPTH=DEPTH[precision],
    )  # fmt: skip
    options: dict[str, Any] = {"num_warps": tiles.warps}
    if tiles.together:
        options["launch_cooperative_grid"] = True
    turns = sizes.steps + 1
    each = turns if tiles.grid[2] == 1 or tiles.together else 1
    with torch.cuda.device_of(y):
        for turn in range(0, turns, each):
            entry[tiles.grid](
                **tensors, **given, **known, **switches, first_turn=turn, last_turn=turn + each, **options
            )


def on_device(ragged: Ragged, device: torch.device) -> list[Tensor | None]:
    """Lengths, places and order of rows where the kernel runs."""
    return [None if each is None else each.to(device) for each in (ragged.lengths, ragged.begins, ragged.order)]
