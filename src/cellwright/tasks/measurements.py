"""What sensors, or another network, have measured at each step: reading, scaling, and noise to learn with."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import DataWarning
from .faults import Faults, brief
from .symbols import from_json, listed
from .tables import Line, number_in

LEAST = 1e-10
"""A feature that varies less, as a share of its mean, is the same everywhere but for rounding in double precision."""
LARGEST = 1e30
"""The largest number that is read: its square, and sums of it, are numbers too."""
SHOWN = 6
"""Features that a person can follow side by side."""


def numbers_of(line: Line, columns: Sequence[str], faults: Faults) -> list[float] | None:
    """The numbers in some columns of a line; None, and a fault for each, where one is none, or is too large.

    >>> from pathlib import Path
    >>> numbers_of(Line(2, {"x": "0.5", "label": "up"}), ["x"], Faults(Path("clip.csv")))
    [0.5]
    """
    found = [number_in(line.cells[name]) for name in columns]
    wrong = [name for name, value in zip(columns, found, strict=True) if not abs(value) <= LARGEST]
    for name in wrong:
        faults.add(line.number, f"{brief(line.cells[name])} in the column {name}")
    return None if wrong else found


@dataclass(frozen=True)
class Scale:
    """The features of sequences, and what gives each the mean 0 and the deviation 1.

    Attributes:
        columns: their names.
        means, deviations: of each feature, over all steps of all sequences to learn from, float64.
    """

    columns: tuple[str, ...]
    means: Tensor
    deviations: Tensor

    @staticmethod
    def of(columns: Sequence[str], features: Tensor) -> Scale:
        """That of features `[T, features]`."""
        values = features.double()
        return Scale(tuple(columns), values.mean(0), values.std(0, correction=0))

    @staticmethod
    def learned(columns: Sequence[str], features: Tensor) -> Scale:
        """The same, of features to learn from; a warning names those that do not vary."""
        scale = Scale.of(columns, features)
        tell_constant(scale.columns, scale.means, scale.deviations)
        return scale

    @staticmethod
    def of_json(content: str) -> Scale:
        """What `tables` has put into a file of a run."""
        columns, *numbers = from_json(content, ("columns", "means", "deviations"))
        means, deviations = (torch.tensor([float(each) for each in row], dtype=torch.float64) for row in numbers)
        return Scale(tuple(columns), means, deviations)

    @property
    def tables(self) -> dict[str, Sequence[object]]:
        """What a run keeps of it."""
        return {"columns": self.columns, "means": self.means.tolist(), "deviations": self.deviations.tolist()}

    def __call__(self, features: Tensor) -> Tensor:
        """Features `[T, features]` by this scale, float32; one that did not vary is 0."""
        scaled = (features.double() - self.means) / self.deviations
        return torch.where(varying(self.means, self.deviations), scaled, 0.0).float()


def varying(means: Tensor, deviations: Tensor) -> Tensor:
    """Which features vary, in whatever unit they are, by means and deviations in double precision.

    >>> varying(torch.tensor([0.1, 5e9, 3e-9]).double(), torch.tensor([1e-17, 200.0, 1e-9]).double()).tolist()
    [False, True, True]
    """
    return deviations > LEAST * means.abs()


def tell_constant(columns: Sequence[str], means: Tensor, deviations: Tensor) -> None:
    """Warn of columns that have one value everywhere, in data to learn from."""
    same = [name for name, varies in zip(columns, varying(means, deviations).tolist(), strict=True) if not varies]
    if same:
        warnings.warn(
            f"nothing can be learned from what has one value everywhere: {listed(same)}",
            DataWarning,
            stacklevel=2,
        )


def disturbed(features: Tensor, noise: float, hide: float) -> Tensor:
    """Features `[B, T, features]` to learn from: with noise, and some of them hidden, the same ones at all steps.

    Args:
        features: standardised.
        noise: its deviation.
        hide: share of the features that is hidden; the others are raised, so that their sum is as before in the mean.
    """
    noisy = features + noise * torch.randn_like(features)
    return noisy * (torch.rand_like(noisy[:, :1]) >= hide) / (1 - hide)
