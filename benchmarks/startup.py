"""What a user waits for at first: the import, and a cell's first call, compiled or found in the cache."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass

IMPORTS = 5

IMPORT = """
import sys, time
import torch
start = time.perf_counter()
import cellwright
print(time.perf_counter() - start)
"""

FIRST_CALL = """
import time
import torch, cellwright
lstm = cellwright.LSTM(64, 128)
x = torch.randn(10, 2, 64)
start = time.perf_counter()
with torch.no_grad():
    lstm(x)
print(time.perf_counter() - start)
"""

FIRST_TRAINING = """
import time
import torch, cellwright
lstm = cellwright.LSTM(64, 128)
x = torch.randn(10, 2, 64)
start = time.perf_counter()
y, _ = lstm(x)
y.sum().backward()
print(time.perf_counter() - start)
"""


@dataclass(frozen=True)
class Startup:
    """Seconds; the first training is a forward pass and its backward pass."""

    import_beyond_torch: float
    first_call_cold: float
    first_call_cached: float
    first_training_cold: float
    first_training_cached: float


def measure_startup() -> Startup:
    """Each in a Python of its own."""
    imported = min(seconds_of(IMPORT, None) for _ in range(IMPORTS))
    return Startup(imported, *cold_and_cached(FIRST_CALL), *cold_and_cached(FIRST_TRAINING))


def cold_and_cached(program: str) -> tuple[float, float]:
    """What a program prints with an empty cache folder, and with what it then left there."""
    with tempfile.TemporaryDirectory() as cache:
        return seconds_of(program, cache), min(seconds_of(program, cache) for _ in range(IMPORTS))


def seconds_of(program: str, cache: str | None) -> float:
    """What the program prints, run with its kernels cached in that folder."""
    environment = os.environ | ({"XDG_CACHE_HOME": cache} if cache else {})
    done = subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True)
    return float(done.stdout)
