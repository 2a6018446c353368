"""Warnings on the command line."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from typing import TextIO

from ..errors import DataWarning


def teller() -> Callable[..., None]:
    """What shows warnings: about data as one line on stderr, as errors are, and once; others as Python shows them.

    Of several processes that read the same data only the first tells.
    """
    said: set[str] = set()
    silent = os.environ.get("RANK", "0") != "0"

    def told(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        ours = issubclass(category, DataWarning)
        if ours and (silent or str(message) in said):
            return
        said.add(str(message))
        shown = (
            f"cellwright: {message}\n" if ours else warnings.formatwarning(message, category, filename, lineno, line)
        )
        (file or sys.stderr).write(shown)

    return told
