"""How the GPU kernel is launched: by which programs, and with which switches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .given import Given, inner
from .program import Program
from .ragged import Ragged
from .sizes import Sizes

UNITS = 16  # of a warp: as many as the products of a GPU take
ROWS = (8, 16, 32, 64)  # of a program: the fewest that the products take, and more if that is too many programs
SHARED = 32  # units of a program where several share a row
MOST_WARPS = 16  # warps of a program: with more each has too few registers
WIDEST = 256  # units that one program has all of, if the device has no room for several
WHOLE = 1024  # units that one program can have all of
PART = 1 << 17  # bytes of the weights that a program reads at once, at most
KEPT = {"bf16": 1 << 16, "tf32": 1 << 14, "tf32x3": 1 << 12, "ieee": 1 << 12}  # weights that a program keeps, at most
DEPTH = {"bf16": 64, "tf32": 32, "tf32x3": 32, "ieee": 16}  # numbers of a product that are read at once, at most
SHALLOWEST = 16  # and at least
SIZE = {"bf16": 2, "tf32": 4, "tf32x3": 4, "ieee": 4}  # bytes of a weight; of float64 there are few at once anyway
EXCHANGED = 1 << 15  # bytes of a multiprocessor's memory that a program needs for what its warps exchange
INPUT_PRECISION = {"bf16": "ieee"}  # of numbers that are not in half precision, where it has another name


class Tiles(NamedTuple):
    """How rows and units are shared by programs.

    Attributes:
        rows, width: rows and units of a program.
        grid: how many programs there are: for all rows, directions, and the units of a row.
        stash: whether a program keeps the recurrent weights from step to step.
        together: whether the programs that share the units of a row run at once, and wait for each other.
        warps: of a program.
        depth: numbers of a product that are read at once.
    """

    rows: int
    width: int
    grid: tuple[int, int, int]
    stash: bool
    together: bool
    warps: int
    depth: int

    @classmethod
    def of(cls, program: Program, sizes: Sizes, precision: str, processors: int) -> Tiles:
        """The tiles for a device of so many multiprocessors, each of which runs a program at any time."""
        span = max(UNITS, 1 << (sizes.units - 1).bit_length())
        matrices = len(program.gates) * program.recurrent

        def tiles(rows: int, width: int, stash: bool, shared: bool) -> Tiles:
            grid = (-(-sizes.rows // rows), sizes.directions, -(-sizes.units // width))
            together = shared and math.prod(grid) <= processors
            # The compiler gives warps units, or rows if there are more of these.
            warps = width // UNITS if width >= rows else rows // ROWS[0]
            depth = PART // (matrices * width * SIZE[precision])
            depth = max(SHALLOWEST, min(DEPTH[precision], 1 << depth.bit_length() - 1))
            return cls(rows, width, grid, stash, together, min(warps, MOST_WARPS), depth)

        kept = matrices * span**2 <= KEPT[precision]
        whole = tiles(ROWS[0], span, stash=kept, shared=False)
        if kept or needs_whole(program):
            return whole
        shared = [tiles(rows, SHARED, stash=False, shared=True) for rows in ROWS]
        otherwise = whole if span <= WIDEST else shared[-1]
        return next((each for each in shared if each.together), otherwise)


def needs_whole(program: Program) -> bool:
    """Whether a program must have all units of its rows: what goes through all of them does not go through memory."""
    return program.projected or program.reduces


def obstacle_to_width(program: Program, units: int) -> str | None:
    """Why a program of the GPU cannot have the units that it must have; None if it can."""
    if units <= WHOLE or not needs_whole(program):
        return None
    return f"a projection or a sum over units is for up to {WHOLE} of them on a GPU, and there are {units}"


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


def stages_of(program: Program, tiles: Tiles, numbers: int, size: int, memory: int) -> int:
    """Over how many turns the compiler may spread one: 3, so that it reads two turns ahead, or 1.

    It does where nothing that is read depends on what was stored, and the numbers of two turns, so many of a size of
    each unit and row, fit into the memory of a multiprocessor.
    """
    ahead = 2 * numbers * tiles.rows * tiles.width * size
    return 3 if tiles.stash and not program.projected and ahead + EXCHANGED <= memory else 1


def memory_of(device: torch.device) -> int:
    """The bytes that a program can have in a multiprocessor; none where Triton interprets its kernels."""
    if device.type != "cuda":
        return 0
    properties = torch.cuda.get_device_properties(device)
    return int(getattr(properties, "shared_memory_per_block_optin", properties.shared_memory_per_block))


def processors_of(device: torch.device) -> int:
    """The multiprocessors of a GPU; none where Triton interprets its kernels, one program after the other."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 0


def tiles_for(program: Program, sizes: Sizes, precision: str, device: torch.device) -> Tiles:
    """The tiles for a device."""
    return Tiles.of(program, sizes, precision, processors_of(device))


def launch(
    entry: Any, given: Given, program: Program, tiles: Tiles, places: int, precision: str,
    tensors: Mapping[str, Tensor | None], begun: bool, numbers: int, **switches: bool,
) -> None:  # fmt: skip
    """All turns of a loop: in one launch, or, where programs wait for others that may not run yet, one by one.

    What the turns carry on begins as it stands in memory, or, if it is not `begun`, with zeros. A turn reads so many
    numbers of each unit and row.
    """
    sizes, around, y = given.sizes, given.around, tensors["y"]
    noise = around.noise
    assert y is not None
    lengths, begins, order = (None,) * 3 if around.ragged is None else on_device(around.ragged, y.device)
    others = {
        # The compiler reads ahead what has four bytes.
        "noise": noise, "mask": around.mask, "resets": None if around.reset is None else around.reset.int(),
        "lengths": lengths, "begins": begins, "order": order,
        "arrived": y.new_zeros(tiles.grid[:2], dtype=torch.int32) if tiles.together else None,
    }  # fmt: skip
    known = dict(
        steps=sizes.steps, rows=sizes.rows, places=places,
        noise_place=0 if noise is None or len(noise) == 1 else noise[0].numel(),
        UNITS=sizes.units, OUTPUTS=sizes.outputs, PROJECTED=program.projected, DIRECTIONS=sizes.directions,
        MASKED=around.mask is not None, RESETS=around.reset is not None, RAGGED=lengths is not None,
        SORTED=order is not None, STASH=tiles.stash, TOGETHER=tiles.together,
        PRECISION=INPUT_PRECISION.get(precision, precision), ROWS=tiles.rows, WIDTH=tiles.width, DEPTH=tiles.depth,
        STAGES=stages_of(program, tiles, numbers, inner(y.dtype).itemsize, memory_of(y.device)),
    )  # fmt: skip
    options: dict[str, Any] = {"num_warps": tiles.warps}
    if tiles.together:
        options["launch_cooperative_grid"] = True
    turns = sizes.steps + 1
    each = turns if tiles.grid[2] == 1 or tiles.together else 1
    with torch.cuda.device_of(y):
        for turn in range(0, turns, each):
            known |= {"BEGUN": begun or turn > 0, "first_turn": turn, "last_turn": turn + each}
            entry[tiles.grid](**tensors, **others, **known, **switches, **options)


def on_device(ragged: Ragged, device: torch.device) -> list[Tensor | None]:
    """Lengths, places and order of rows where the kernel runs."""
    return [None if each is None else each.to(device) for each in (ragged.lengths, ragged.begins, ragged.order)]
