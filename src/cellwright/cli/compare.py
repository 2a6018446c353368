"""The same data, budget and seed with one cell after the other."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ..errors import InputError
from ..tasks import Exhibit, Family
from ..tasks.recurrent import RecurrentSettings
from ..tasks.tables import table_line
from ..training import Machine, Recipe, RunFolder, processes, write_whole
from ..training.report import file_name, write_report
from .runs import begin, open_run, prepared, read, resume, stem


def compare(
    family: Family,
    sources: Mapping[str, Path],
    run: Path | None,
    cells: Sequence[str],
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
    machine: Machine,
) -> None:
    """Train with each cell, then show the figures side by side; given again, it goes on where it was stopped.

    Args:
        family: the kind of task.
        sources: where the data are.
        run: the folder for a run of each cell, and for the table; None for one named after the data.
        cells: their names.
        settings: those of the task that were given.
        training: those of the training that were given.
        machine: what each run has to itself.
    """
    if processes.started() > 1:
        raise InputError("--compare trains one network after the other, without torchrun; give --devices instead")
    if "cell" in settings:
        raise InputError(f"--compare names the cells, so leave out --cell {settings['cell']}")
    if len(set(cells)) < len(cells):
        raise InputError(f"--compare must name each cell once, not {','.join(cells)}")
    parts = read(family, sources, settings.get("skip", False))
    for cell in cells:
        RecurrentSettings(
            cell=cell, torch=settings.get("torch", False)
        )  # a wrong name is found before hours of training
    root = run or Path("runs") / f"{stem(sources['learned'])}-compared"
    for cell in cells:
        chosen, place = {**settings, "cell": cell}, root / cell
        if place.exists():
            go_on(place, prepared(family, parts, sources, chosen, training)[1], machine)
        else:
            begin(family, parts, sources, place, chosen, training, machine)
    networks = {cell: open_run(root / cell)[2] for cell in cells}
    results = {cell: json.loads((root / cell / "result.json").read_text()) for cell in cells}
    rows = [["cell", "weights", *results[cells[0]]]]
    for cell in cells:
        weights = sum(each.numel() for each in networks[cell].parameters())
        rows.append([cell, f"{weights:,}", *(f"{value:,.5g}" for value in results[cell].values())])
    exhibits = [Exhibit("Figures", "Each with the same data, budget and seed.", rows)]
    if family.exhibit is not None:
        exhibits.append(family.exhibit(family.begin(parts, settings), networks))
    for each in exhibits:
        shown(each.rows, root / f"{file_name(each.title)}.csv")
    write_report(RunFolder(root), f"{', '.join(cells)} on {sources['learned'].name}", {}, exhibits)


def go_on(place: Path, recipe: Recipe, machine: Machine) -> None:
    """Go on with the run of a cell, if it has not come to its end.

    Raises:
        InputError: it is another run.
    """
    folder = RunFolder.open(place)
    if folder.recipe() != recipe:
        raise InputError(f"{str(place)!r} is a run with other data, options or versions; give another --run")
    if not folder.finished:
        resume(place, {}, {}, machine)


def shown(rows: Sequence[Sequence[str]], path: Path) -> None:
    """Print a table, its heading first, turned if it is wider than long, and write it to a file."""
    heading, *others = zip(*rows, strict=True) if len(rows[0]) > len(rows) else rows
    table = Table(heading[0], box=None)
    for name in heading[1:]:
        table.add_column(name, justify="right")
    for row in others:
        table.add_row(*row)
    console = Console(highlight=False)
    console.print(table)
    write_whole(path, "".join(map(table_line, rows)).encode())
    console.print(f"written to {shlex.quote(str(path))}\n")
