"""Where a run stands: all that is counted, apart from the weights."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from dataclasses import dataclass, field
from typing import Any

Figures = dict[str, float]


@dataclass
class Progress:
    """What a run has done so far.

    Attributes:
        step: batches learned from.
        total, items: sum of the training loss over all items since the last validation, and their number.
        lengths, shortened, batches: sums of the lengths of the gradients since then, before and after they were
            shortened, and their number.
        since: seconds on the run's clock at the last validation.
        best: the lowest figure of a validation, and its loss, by which equal figures are told apart.
        best_step: when it was.
        lowest: the lowest loss of a validation.
        gained_step, gained_seconds: when the best figure or the lowest loss was last improved.
        rows: one row of figures per validation.
        samples: one sample per validation.
    """

    step: int = 0
    total: float = 0.0
    items: int = 0
    lengths: float = 0.0
    shortened: float = 0.0
    batches: int = 0
    since: float = 0.0
    best: list[float] | None = None
    best_step: int = 0
    lowest: float = math.inf
    gained_step: int = 0
    gained_seconds: float = 0.0
    rows: list[Figures] = field(default_factory=list)
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

    @property
    def gradients(self) -> tuple[float, float]:
        """Mean length of the gradients since the last validation, before and after they were shortened."""
        count = self.batches or math.nan
        return self.lengths / count, self.shortened / count

    def followed(self, length: float, longest: float) -> None:
        """Count the gradient of one batch."""
        self.batches += 1
        self.lengths += length
        self.shortened += min(length, longest)

    def validated(self, row: Figures, figures: Figures, sample: str, seconds: float) -> bool:
        """Count one validation; whether it is the best so far. What is no number is worse than any.

        >>> progress = Progress()
        >>> found = [{"error": 0.5, "loss": 2.0}, {"error": 0.5, "loss": 1.0}, {"error": 0.6, "loss": 0.5}]
        >>> [progress.validated({}, figures, "", 9.0) for figures in found]
        [True, True, False]
        >>> progress.validated({}, {"error": math.nan, "loss": math.nan}, "", 9.0)
        False
        """
        score = [math.inf if math.isnan(each) else each for each in (next(iter(figures.values())), figures["loss"])]
        self.rows.append(row)
        self.samples.append(sample)
        self.total, self.items = 0.0, 0
        self.lengths, self.shortened, self.batches = 0.0, 0.0, 0
        self.since = seconds
        better = self.best is None or score < self.best
        if better:
            self.best, self.best_step = score, self.step
        if better or score[1] < self.lowest:
            self.gained_step, self.gained_seconds = self.step, seconds
        self.lowest = min(self.lowest, score[1])
        return better

    def metrics_csv(self) -> str:
        """The rows as a table with a heading."""
        table = io.StringIO()
        names = dict.fromkeys(name for row in self.rows for name in row)
        writer = csv.DictWriter(table, fieldnames=list(names), restval=math.nan, lineterminator="\n")
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


def figure(row: Figures) -> str:
    """The figure that a validation is judged by, with its name.

    >>> figure({"step": 3, "valid_loss": 1.5})
    'loss 1.500'
    """
    name = next(each for each in row if each.startswith("valid_"))
    return f"{name.removeprefix('valid_')} {row[name]:.3f}"
