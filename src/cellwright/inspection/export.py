"""The page as one file that opens without a server: with the answers that it will ask for inside."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from ..errors import InputError
from .api import Viewer
from .drawn import piece
from .order import liveliest
from .server import page
from .tiles import COLUMNS, FACTOR, Pyramid

MOST = 30_000_000
"""Numbers in a page."""
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
CARDS = 400
"""Steps of which one unit is told in every detail."""


def single_page(viewer: Viewer) -> bytes:
    """The page with all pictures, tracks and analyses, and the details of one unit of each layer.

    Raises:
        InputError: it would be too large.
    """
    inspection = viewer.inspection
    numbers = sum(made.steps * made.units * len(made.cell.signals) for made in inspection.passes)
    numbers += sum(each.values.size for each in inspection.tracks)
    if numbers > MOST:
        raise InputError(f"a page holds at most {MOST:,} numbers, not {numbers:,}; inspect fewer steps: --steps")
    recorded = {}
    for question, query in questions(viewer):
        asked = "&".join(f"{name}={quote(query[name], safe='')}" for name in sorted(query))
        recorded[f"{question}?{asked}"] = base64.b64encode(viewer.answer(question, query).content).decode()
    files = {name: content.decode() for name, content in page().items()}
    # In a script no tag may end it: neither in the answers nor in the code.
    data = json.dumps(recorded).replace("<", "\\u003c")
    code = files["page.js"].replace("</script", "<\\/script")
    html = re.sub(r"\s*<(script|link)[^>]*(page\.js|page\.css)[^>]*>(</script>)?", "", files["index.html"])
    head = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n<style>{files["page.css"]}</style>'
    scripts = f'<script>window.recorded = {data}</script>\n<script type="module">{code}</script>'
    return html.replace("</head>", f"{head}\n</head>").replace("</body>", f"{scripts}\n</body>").encode()


def questions(viewer: Viewer) -> Iterator[tuple[str, Mapping[str, str]]]:
    """What the page asks, as it asks it."""
    inspection = viewer.inspection
    yield "about", {}
    for number, track in enumerate(inspection.tracks):
        stride = 1
        while stride == 1 or (track.kind != "tokens" and stride < inspection.steps):
            for start in range(0, inspection.steps, piece(track) * stride):
                end = min(start + piece(track) * stride, inspection.steps)
                yield "track", {"number": f"{number}", "start": f"{start}", "end": f"{end}", "stride": f"{stride}"}
            stride *= FACTOR
    orders = json.loads(viewer.answer("about", {}).content)["orders"]
    for number, made in enumerate(inspection.passes):
        of = {"pass": f"{number}"}
        for by in orders:
            yield "order", {**of, "by": by}
        for question in ("memory", "health", "gradients"):
            yield question, of
        for name in made.cell.signals:
            yield "scale", {**of, "signal": name}
            for level in range(Pyramid(made, name).levels):
                for tile in range(-(-made.steps // (FACTOR**level * COLUMNS))):
                    yield "tile", {**of, "signal": name, "level": f"{level}", "number": f"{tile}"}
        for step in range(min(made.steps, CARDS)):
            for question in ("cell", "half", "ledger", "lesson"):
                yield question, {**of, "step": f"{step}", "unit": f"{liveliest(made)}"}
