"""The block of the README that shows the latest result."""

import re
from pathlib import Path

from .result import Result
from .tables import Table, conditions, family, features, speed, summary

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"(<!-- bench -->\n).*?(<!-- /bench -->)", re.DOTALL)


class MarkerError(Exception):
    """The README lacks the two markers between which the result stands."""


def rewrite(result: Result, readme: Path = README) -> None:
    """Put the result between the markers.

    Raises:
        MarkerError: the markers are missing.
    """
    text = readme.read_text()
    changed, found = BLOCK.subn(lambda match: f"{match[1]}{block(result)}\n{match[2]}", text)
    if not found:
        raise MarkerError(f"{readme.name} needs the lines <!-- bench --> and <!-- /bench -->; add them")
    readme.write_text(changed)


def block(result: Result) -> str:
    """The summary, the plain call over all shapes, and the conditions; the file has the rest."""
    shown = [summary(result), *speed(result), family(result), features(result)]
    return "\n\n".join([*(markdown(table) for table in shown), conditions(result)])


def markdown(table: Table) -> str:
    """One table; the first column is text, the rest are figures."""
    rule = ["---", *("---:" for _ in table.columns[1:])]
    lines = [f"| {' | '.join(row)} |" for row in (table.columns, rule, *table.rows)]
    return f"**{table.title}**\n\n" + "\n".join(lines)
