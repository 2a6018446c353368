"""The command `inspect`: the page that shows what happens inside a trained network."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rich.console import Console
from typer import Argument, Option

from ..errors import InputError
from .train import Skip

if TYPE_CHECKING:
    from ..inspection import Inspection

STEPS = 4000


def inspect(
    source: Annotated[Path, Argument(help="Folder of a run, or an inspection that --save has written.")],
    data: Annotated[
        Path | None,
        Argument(help="What the network is to read.  [default: what --test or --valid was, or else DATA]"),
    ] = None,
    steps: Annotated[int, Option(min=1, help="How many steps to look at, at least.")] = STEPS,
    save: Annotated[Path | None, Option(help="Keep the inspection as this file.")] = None,
    html: Annotated[Path | None, Option(help="Write the page as one file that opens without a server.")] = None,
    port: Annotated[int, Option(min=0, max=65535, help="Of the server, on this machine alone; 0 for a free one.")] = 0,
    browser: Annotated[bool, Option(help="Open the page.")] = True,
    skip: Skip = False,
) -> None:
    """See inside a trained network, gate by gate, in the browser.

    With --save or --html it writes the file and ends; else it serves the page until Ctrl-C.
    """
    from ..durable import write_whole
    from ..inspection import Inspection
    from ..inspection.api import Viewer
    from ..inspection.export import single_page
    from ..inspection.server import serve

    console = Console(highlight=False, markup=False, soft_wrap=True)
    if source.is_file():
        if data is not None:
            raise InputError(f"{str(source)!r} is an inspection already; leave out {str(data)!r}, or name a run")
        inspection = Inspection.open(source)
    else:
        inspection = of_run(source, data, steps, skip)
    found = f"{inspection!r}; signals differ from the equations by at most {inspection.error:.1e}"
    console.print(found if inspection.right else f"{found}, which is more than rounding: do not trust it")
    viewer = Viewer(inspection, source.resolve().stem)
    if save is not None:
        inspection.save(save)
        console.print(f"Next: cellwright inspect {shlex.quote(str(save))}")
    if html is not None:
        write_whole(html, single_page(viewer))
        console.print(f"The page is {shlex.quote(str(html))}")
    if save is None and html is None:
        serve(viewer, port, browser)


def of_run(run: Path, data: Path | None, steps: int, skip: bool) -> Inspection:
    """The inspection of a run, while its network reads data: by default those that it was measured on."""
    from ..inspection.runs import inspected
    from ..training import RunFolder
    from .runs import open_run

    family, problem, network = open_run(run, skip)
    folder = RunFolder.open(run)
    known = folder.recipe().data
    place = data or Path(known.get("test") or known.get("validation") or known["learned"])
    figures = json.loads(folder.read("result.json")) if folder.finished else {}
    notes = {"data": place.name, **dict(list(figures.items())[:1])}
    return inspected(problem, network, family.read(place, skip), steps, notes)
