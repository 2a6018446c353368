"""What a report shows of a trained network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COMMONEST = 15
NOTHING = "∅"


@dataclass(frozen=True)
class Exhibit:
    """A table, a figure, or both.

    Attributes:
        title: a few words; those of a run are all different.
        text: what is shown, in a sentence or two; it may have several lines, as a sample has.
        rows: of a table, its heading first.
        figure: a plot.
    """

    title: str
    text: str = ""
    rows: Sequence[Sequence[str]] = ()
    figure: Figure | None = None


def new_figure(width: float = 8.0, height: float = 3.5) -> Figure:
    """An empty figure, which belongs to nobody else; sizes in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=110, layout="constrained")


def plain(text: str) -> str:
    r"""What a user has named, for a figure: dollars are no mathematics there.

    >>> plain("$5")
    '\\$5'
    """
    return text.replace("$", r"\$")


def confusions(counts: Counter[tuple[str, str]], what: str) -> Exhibit:
    """What is taken for what, the commonest first.

    >>> confusions(Counter({("m", "n"): 2, ("", "e"): 1}), "characters").rows
    [('true', 'found', 'times'), ('m', 'n', '2'), ('∅', 'e', '1')]
    """
    rows = [(true or NOTHING, found or NOTHING, f"{count:,}") for (true, found), count in counts.most_common(COMMONEST)]
    total = f"{counts.total():,} in all, {len(counts):,} kinds" if counts else "none"
    return Exhibit("Confusions", f"The commonest errors of {what}; {total}.", [("true", "found", "times"), *rows])
