"""`python -m tests.gpu.compile_ahead ARCHITECTURE CELL...`: compile for a GPU that is not there, and say what it needs.

In JSON: per kernel the registers and the bytes of spilled ones of a thread, and the shared memory of a program.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch

import cellwright as cw
from cellwright.kernels import gpu, gpu_launch
from cellwright.kernels.sizes import Sizes

OF_ALL = ((torch.bfloat16, 128, "bf16", 64),)
CASES = {
    "lstm": (
        *OF_ALL, (torch.bfloat16, 256, "bf16", 64), (torch.bfloat16, 256, "bf16", 4096),
        (torch.bfloat16, 512, "bf16", 64), (torch.bfloat16, 512, "bf16", 200), (torch.bfloat16, 1024, "bf16", 256),
        (torch.float32, 128, "bf16", 64), (torch.float32, 64, "tf32", 64), (torch.float32, 128, "tf32x3", 64),
        (torch.float32, 128, "ieee", 64), (torch.float64, 32, "ieee", 64), (torch.bfloat16, 128, "bf16", 64, 32),
        (torch.bfloat16, 256, "bf16", 64, 128), (torch.bfloat16, 1024, "bf16", 64, 512),
        (torch.float32, 256, "tf32x3", 64, 128),
    ),
    "layer_norm": (*OF_ALL, (torch.bfloat16, 256, "bf16", 64), (torch.float32, 256, "tf32x3", 64)),
}  # fmt: skip
OLDER = (
    *OF_ALL,
    (torch.float32, 128, "tf32x3", 64),
    (torch.bfloat16, 1024, "bf16", 64, 512),
    (torch.float32, 256, "tf32x3", 64, 128),
)
"""For an architecture with less memory and other products: one of each kind, and what needs the most."""
PROCESSORS = 108  # the fewest multiprocessors of the GPUs that it compiles for
MEMORY = {80: 163 << 10, 90: 227 << 10}  # bytes of one that a program can have
SIZES = {"steps", "rows", "places", "noise_place", "first_turn", "last_turn"}
MATRICES = {"recurrent", "projection", "left"}  # what is stored as it is multiplied
OUTER = {"y", "dy", "d_inputs", "d_recurrent", "entered"}  # what is stored as the caller's numbers are
TYPES = {"lengths": "*i64", "begins": "*i64", "order": "*i64", "resets": "*i32", "arrived": "*i32"}
NAMES = {torch.bfloat16: "bf16", torch.float32: "fp32", torch.float64: "fp64"}


def compiled(
    cell: cw.Cell, architecture: int, direction: str, dtype: torch.dtype, units: int, precision: str, rows: int,
    projected: int = 0,
) -> Any:  # fmt: skip
    """A kernel as it is compiled for a layer without options, or with a projection to so many."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    kernel = gpu.kernel_of(cell, dtype, True, projected=projected > 0)
    entry, sizes = getattr(kernel.module, direction), Sizes(9, rows, units, units, 1, projected or units)
    program = kernel.program
    tiles = gpu_launch.Tiles.of(program, sizes, precision, PROCESSORS)
    numbers = len(program.gates) if direction == "forward" else gpu.numbers_of(program, [None, None])
    matrix = "*bf16" if precision == "bf16" else "*" + NAMES[dtype]
    inner = "*fp64" if dtype == torch.float64 else "*fp32"
    switches = dict.fromkeys(("FRESH", "MASKED", "RESETS", "RAGGED", "SORTED", "HEARD_GATES", "HEARD_STATES"), False)
    known = switches | dict(
        UNITS=units, OUTPUTS=sizes.outputs, PROJECTED=projected > 0, DIRECTIONS=1, BEGUN=True, BIAS=True, FIRST=True,
        STASH=tiles.stash, TOGETHER=tiles.together,
        PRECISION=gpu_launch.INPUT_PRECISION.get(precision, precision), ROWS=tiles.rows, WIDTH=tiles.width,
        DEPTH=tiles.depth,
        STAGES=gpu_launch.stages_of(program, tiles, numbers, gpu.inner(dtype).itemsize, MEMORY[architecture]),
    )  # fmt: skip

    def kind(name: str) -> str:
        if name in known:
            return "constexpr"
        if name in SIZES:
            return "i32"
        return matrix if name in MATRICES else "*" + NAMES[dtype] if name in OUTER else TYPES.get(name, inner)

    signature = {name: kind(name) for name in entry.arg_names}
    constants = {name: value for name, value in known.items() if name in signature}
    aligned = {
        (place,): [["tt.divisibility", 16]] for place, name in enumerate(entry.arg_names) if signature[name][0] == "*"
    }
    source = ASTSource(fn=entry, signature=signature, constexprs=constants, attrs=aligned)
    options = {"num_warps": tiles.warps, "launch_cooperative_grid": tiles.together}
    return triton.compile(source, target=GPUTarget("cuda", architecture, 32), options=options)


def needs(made: Any) -> dict[str, int]:
    """Registers and bytes on the stack of a thread, and shared memory of a program."""
    import triton

    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        Path(file.name).write_bytes(made.asm["cubin"])
        told = subprocess.run([tool, "--dump-resource-usage", file.name], capture_output=True, text=True, check=True)
    found = re.search(r"REG:(\d+) STACK:(\d+)", told.stdout)
    assert found is not None, told.stdout
    return {"registers": int(found[1]), "spilled": int(found[2]), "shared": made.metadata.shared}


def main(architecture: str, *names: str) -> None:
    """Compile every case of some cells."""
    warnings.simplefilter("ignore")
    results = {}
    for name in names:
        for dtype, units, precision, *others in CASES.get(name, OF_ALL) if architecture == "90" else OLDER:
            for direction in ("forward", "backward"):
                made = compiled(cw.cells[name], int(architecture), direction, dtype, units, precision, *others)
                sizes = " ".join(map(str, (NAMES[dtype], precision, units, *others)))
                results[f"{name} {sizes} {direction}"] = needs(made)
    sys.stdout.write(json.dumps(results, indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
