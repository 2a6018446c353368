"""The inspector: what capture costs, how quickly the page moves, and what its server holds."""

import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from statistics import median, quantiles
from urllib.parse import urlsplit

import torch

import cellwright as cw
from cellwright.inspection.server import page

from .timing import best_times

CAPTURE = 10_000, 64, 256
"""Steps, inputs, and units of each of two layers."""
SHOWN = 100_000, 512
"""Steps and units in the page."""
LARGE = 250_000
"""Steps of 512 units in a file of 2 GB."""
MOVES = 60
MOVE = """async (count) => {
    const found = [];
    for (let n = 0; n < count; n++) {
        const before = performance.now();
        const key = ["-", "]", "+", "[", "+", "]", "-", "["][n % 8];
        dispatchEvent(new KeyboardEvent("keydown", { key }));
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        found.push(performance.now() - before);
        await new Promise((done) => setTimeout(done, 30));
    }
    return found;
}"""


@dataclass(frozen=True)
class Inspector:
    """Figures of the inspector.

    Attributes:
        capture: time of `inspect` by the time of the plain call.
        moved: seconds until a step of panning or zooming is drawn, the median.
        moved_at_worst: the same, of the slowest twentieth.
        first_view: seconds from the request of the page until all signals are drawn.
        held: megabytes that the server has of its own for a file of 2 GB.
        page: kilobytes of the built page.
    """

    capture: float
    moved: float
    moved_at_worst: float
    first_view: float
    held: float
    page: float


def measure_inspector(budget: float) -> Inspector | None:
    """All of them; None without Chromium."""
    chromium = which("chromium")
    if chromium is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        shown, large = Path(folder) / "shown.inspection", Path(folder) / "large.inspection"
        made(SHOWN[0]).save(shown)
        made(LARGE).save(large)
        with Served(shown) as served:
            first_view, moves = moved(served.url, chromium)
        with Served(large) as served:
            moved(served.url, chromium)
            held = served.held()
    size = sum(map(len, page().values())) / 1e3
    return Inspector(measure_capture(budget), median(moves), quantiles(moves, n=20)[-1], first_view, held, size)


def made(steps: int) -> cw.Inspection:
    """An inspection of so many steps of 512 units."""
    torch.manual_seed(0)
    return cw.inspect(cw.LSTM(16, SHOWN[1]), torch.randn(steps, 16))


def measure_capture(budget: float) -> float:
    """`inspect` against the plain call."""
    steps, inputs, units = CAPTURE
    layer, x = cw.LSTM(inputs, units, num_layers=2).eval(), torch.randn(steps, inputs)
    with torch.no_grad():
        times = best_times({"plain": lambda: layer(x), "inspect": lambda: cw.inspect(layer, x)}, budget)
    return times["inspect"] / times["plain"]


class Served:
    """A file that `cellwright inspect` serves, in a process of its own."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-m", "cellwright", "inspect", str(path), "--no-browser"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = next(line for line in self.process.stdout if "http" in line).split()[-1]

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        self.process.wait()

    def held(self) -> float:
        """Megabytes of its own, which the pages of the mapped file are not."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"RssAnon:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1e3


def moved(url: str, chromium: str) -> tuple[float, list[float]]:
    """Seconds until everything is drawn at first, and until each of many moves is."""
    from playwright.sync_api import sync_playwright

    assert urlsplit(url).hostname == "127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        shown = browser.new_page(viewport={"width": 1400, "height": 1000})
        began = time.monotonic()
        shown.goto(f"{url}#from=0&to={SHOWN[0]}")
        shown.wait_for_selector("canvas.time")
        shown.wait_for_load_state("networkidle")
        first = time.monotonic() - began - 0.5  # Playwright waits for half a second of silence
        found = shown.evaluate(MOVE, MOVES)
        browser.close()
    return first, [each / 1e3 for each in found]
