"""Where a run stands: all that is counted, apart from the weights."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, float]


@dataclass
class Progress:
    """What a run has done so far.

    Attributes:
        step: batches learned from.
        total, items: sum of the training loss over all items since the last validation, and their number.
        since: seconds on the run's clock at the last validation.
        best, best_step: the lowest validation loss, and when it was.
        stale: validations since then.
        rows: one row of figures per validation.
        samples: one sample per validation.
    """

    step: int = 0
    total: float = 0.0
    items: int = 0
    since: float = 0.0
    best: float | None = None
    best_step: int = 0
    stale: int = 0
    rows: list[Row] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)

    @property
    def loss(self) -> float:
        """Mean training loss since the last validation."""
        return self.total / self.items if self.items else math.nan

    def learned(self, loss: float, items: int) -> None:
        """Count one batch."""
        self.step += 1
        self.total += loss * items
        self.items += items

    def validated(self, row: Row, loss: float, sample: str) -> bool:
        """Count one validation; whether it is the best so far.

        >>> progress = Progress()
        >>> [progress.validated({}, loss, "") for loss in (2.0, 1.0, 1.5)], progress.stale
        ([True, True, False], 1)
        """
        self.rows.append(row)
        self.samples.append(sample)
        self.total, self.items = 0.0, 0
        better = self.best is None or loss < self.best
        self.stale = 0 if better else self.stale + 1
        if better:
            self.best, self.best_step = loss, self.step
        return better

    def metrics_csv(self) -> str:
        """The rows as a table with a heading."""
        table = io.StringIO()
        writer = csv.DictWriter(table, fieldnames=list(self.rows[0]) if self.rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return table.getvalue()

    def samples_text(self) -> str:
        """The samples, each under the figures of its validation."""
        return "".join(
            f"== step {row['step']:,}, {figure(row)} ==\n{sample}\n\n"
            for row, sample in zip(self.rows, self.samples, strict=True)
        )

    def state_dict(self) -> dict[str, Any]:
        """Everything, as plain data."""
        return dataclasses.asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        for each in dataclasses.fields(self):
            setattr(self, each.name, state[each.name])


def figure(row: Row) -> str:
    """The figure that a validation is judged by, with its name.

    >>> figure({"step": 3, "valid_loss": 1.5})
    'loss 1.500'
    """
    name = next(each for each in row if each.startswith("valid_"))
    return f"{name.removeprefix('valid_')} {row[name]:.3f}"
