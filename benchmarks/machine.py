"""The machine and the libraries, as a result names them: no host names, no paths."""

import platform
from importlib.metadata import version
from pathlib import Path

import torch

LIBRARIES = ("cellwright", "torch", "onnxruntime", "numba", "numpy")
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
CPUINFO = Path("/proc/cpuinfo")
USUAL_L2 = 1 << 20


def describe_machine() -> dict[str, str]:
    """The processor, its instruction set, the threads in use, the system."""
    return {
        "processor": processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": f"{torch.get_num_threads()} threads",
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """The Python and the libraries that take part."""
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}


def processor() -> str:
    """The processor's own name, as far as the system tells."""
    if CPUINFO.exists():
        for line in CPUINFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def l2_bytes() -> int:
    """The second-level cache of one core; a usual size where the system does not tell."""
    for cache in CACHES.glob("index*"):
        if (cache / "level").read_text().strip() == "2":
            return int((cache / "size").read_text().strip().removesuffix("K")) << 10
    return USUAL_L2
