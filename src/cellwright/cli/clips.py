"""The command `clips`: data to see a network watch."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option


def clips(
    folder: Annotated[Path, Argument(help="A folder that does not exist yet.")],
    count: Annotated[int, Option(min=1, help="How many clips.")] = 1000,
    seed: Annotated[int, Option(min=0, help="Where chance begins.")] = 1,
) -> None:
    """Make short films in which a thing moves and once changes its direction, and label their frames."""
    from ..tasks.frames.clips import shapes, write_clips

    write_clips(folder, count, seed, shapes())
    table = shlex.quote(str(folder / "directions.csv"))
    sys.stdout.write(f"{count:,} clips in {folder}. Next: cellwright train frames {table} --causal --crop 0\n")
