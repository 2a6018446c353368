"""What regularises a layer, and what else stands around its cells: zoneout, the kinds of dropout, clipping."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

from ..cells import Cell
from ..cells.changed import changed, clipped_state, dropped_candidate
from ..cells.zoneout import zoneout
from ..errors import InputError
from .construction import checked_probability, is_number
from .masks import Draw, Masks


@dataclass(frozen=True)
class Regularisation:
    """The options of a layer, checked; see `Recurrent` for what they mean.

    Raises:
        InputError: a probability is out of 0 to 1, or the cell lacks what an option changes.
    """

    cell: Cell
    zoneout: float | tuple[float, float] = field(default=0.0, compare=False)
    recurrent_dropout: float = 0.0
    candidate_dropout: float = 0.0
    weight_dropout: float = 0.0
    locked_dropout: bool = False
    cell_clip: float | None = None
    kept: tuple[float, float] = field(init=False)
    in_training: Cell = field(init=False, compare=False)
    in_evaluation: Cell = field(init=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("recurrent_dropout", "candidate_dropout", "weight_dropout"):
            checked_probability(name, getattr(self, name))
        if isinstance(self.zoneout, Sequence):
            kept = tuple(self.zoneout)
        else:
            kept = (self.zoneout, self.zoneout if "c" in self.cell.state else 0.0)
        if len(kept) != 2:
            raise InputError(f"zoneout is one probability, or a pair for h and c, but is {self.zoneout!r}")
        object.__setattr__(self, "kept", tuple(checked_probability("zoneout", each) for each in kept))
        if self.candidate_dropout and not self.cell.candidate:
            raise InputError(
                f"the cell {self.cell.name} names no candidate; leave candidate_dropout out, or declare candidate= in "
                "cellwright.cell"
            )
        if self.cell_clip is not None and not (is_number(self.cell_clip) and self.cell_clip > 0):
            raise InputError(f"cell_clip must be a positive number, but is {self.cell_clip!r}")
        if "c" not in self.cell.state and (self.cell_clip is not None or self.kept[1]):
            raise InputError(f"the cell {self.cell.name} has no cell state c; leave out what is for c alone")
        for name, training in (("in_training", True), ("in_evaluation", False)):
            object.__setattr__(self, name, self.changed_cell(training))

    def __reduce__(self) -> tuple[type[Regularisation], tuple[Any, ...]]:
        """The changed cells are made anew: they have no names by which Python could find them."""
        return Regularisation, tuple(getattr(self, each.name) for each in fields(self) if each.init)

    @property
    def is_random(self) -> bool:
        """Whether something is drawn in training."""
        shares = (*self.kept, self.recurrent_dropout, self.candidate_dropout, self.weight_dropout)
        return any(shares)

    @property
    def zoned(self) -> dict[str, float]:
        """The states that keep their old value sometimes, and how probably."""
        return {name: each for name, each in zip(("h", "c"), self.kept, strict=True) if each}

    def around(self, training: bool) -> Cell:
        """The cell as it is in training, or in evaluation."""
        return self.in_training if training else self.in_evaluation

    def changed_cell(self, training: bool) -> Cell:
        """The cell with what is inside of it: what clips the cell state, masks the candidate, keeps old values."""
        limit = math.inf if self.cell_clip is None else float(self.cell_clip)
        changes = [] if math.isinf(limit) else [clipped_state(limit)]
        if self.candidate_dropout and training:
            changes.append(dropped_candidate(self.cell))
        found = changed(self.cell, *changes) if changes else self.cell
        return zoneout(found, tuple(self.zoned)) if self.zoned else found

    def noise(self, places: Sequence[int], masks: Masks | None, like: Tensor) -> Tensor | None:
        """What that cell is given: `[*places, noise, H]` drawn anew; without masks the expectation, for all places.

        Args:
            places: T, B and D, or N and D.
            masks: draws the masks in training; None in evaluation.
            like: the recurrent weights.
        """
        units = self.units(like)
        if masks is None:
            shares = [like.new_full((units,), each) for each in self.zoned.values()]
            shape = [1] * (len(places) - 1) + [places[-1]]
            return torch.stack(shares).expand(*shape, -1, -1) if shares else None
        draws = [Draw.dropped(self.candidate_dropout)] if self.candidate_dropout else []
        draws += [Draw.marked(each) for each in self.zoned.values()]
        return masks.several((*places, len(draws), units), draws, like.dtype) if draws else None

    def units(self, recurrent: Tensor) -> int:
        """H, as the recurrent weights have it."""
        return recurrent.shape[0] // len(self.cell.gates)
