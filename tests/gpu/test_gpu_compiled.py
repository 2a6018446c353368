"""The kernels compile for GPUs that are not there, fit into their shared memory, and spill few registers."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import cellwright as cw
from tests.gpu.compile_ahead import MEMORY

SPILLED = 128  # bytes of a thread, as it is today: less would be better
SPILLED_BY = {
    "lstm fp64": 384,
    "lstm bf16 bf16 512 200 forward": 256,
    "slstm": 160,
    # A program that must have all units of a row, for a projection or a sum, has more values than registers.
    "lstm bf16 bf16 256 4096": 256,
    "lstm bf16 bf16 128 64 32": 192,
    "lstm bf16 bf16 256 64 128": 384,
    "lstm bf16 bf16 1024 64 512": 1792,
    "lstm fp32 tf32x3 256 64 128": 960,
    "layer_norm bf16 bf16 128 64 forward": 384,
    "layer_norm bf16 bf16 256 64 forward": 384,
    "layer_norm fp32 tf32x3 256 64 forward": 768,
    "layer_norm": 1792,
}


@pytest.mark.parametrize(
    "cells", [["lstm"], *([*cw.cells][n : n + 4] for n in range(1, len(cw.cells), 4))], ids="-".join
)
def test_every_cell_compiles(cells: list[str]) -> None:
    compiled_for(90, cells)


def test_compiles_for_an_older_architecture() -> None:
    compiled_for(80, ["lstm"])


def compiled_for(architecture: int, cells: list[str]) -> None:
    """Compile in a process that does not interpret, and look at what the kernels need."""
    command = [sys.executable, "-m", "tests.gpu.compile_ahead", str(architecture), *cells]
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    told = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert {name.split()[0] for name in found} == set(cells)
    for name, needs in found.items():
        assert needs["shared"] <= MEMORY[architecture], name
        bound = next((bound for start, bound in SPILLED_BY.items() if name.startswith(start)), SPILLED)
        assert needs["spilled"] <= bound, f"{name}: {needs}"
