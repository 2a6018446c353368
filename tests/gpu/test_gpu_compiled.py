"""The kernels compile for GPUs that are not there, fit into their shared memory, and spill few registers."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import cellwright as cw

SHARED = {80: 163 * 1024, 90: 227 * 1024}  # bytes that a program can have on each architecture
SPILLED = {"forward": 320, "backward": 128}  # bytes of a thread, as it is today: less would be better
SPILLED_BY = {"layer_norm bf16 bf16 128 64 backward": 1792}  # sums over a row need more values than registers hold


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
        assert needs["shared"] <= SHARED[architecture], name
        assert needs["spilled"] <= SPILLED_BY.get(name, SPILLED[name.split()[-1]]), f"{name}: {needs}"
