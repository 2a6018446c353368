"""The machine, the libraries and the day, as a result names them: no host names, no paths."""

import platform
import re
from datetime import date
from importlib.metadata import version
from pathlib import Path

import torch

import cellwright

FOLDER = Path(__file__).parent / "results"
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


def versions(*libraries: str) -> dict[str, str]:
    """Ours, Python, and the libraries that take part."""
    own = {"cellwright": cellwright.__version__, "python": platform.python_version()}
    return own | {name: version(name) for name in libraries}


def today() -> str:
    """The day, as it stands in a file name."""
    return date.today().isoformat()


def file_for(what: str, day: str, folder: Path = FOLDER) -> Path:
    """Where the result of a processor is kept; the folder exists then."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{re.sub(r'[^a-z0-9]+', '-', what.lower()).strip('-')}-{day}.json"


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
