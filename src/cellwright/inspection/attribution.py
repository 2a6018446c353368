"""Attribution: what of the input an output depends on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from .again import Part
from .inspection import Inspection
from .passes import Array

Score = Callable[[Tensor], Tensor]
"""From inputs `[T, B, I]` to a number for each row, `[B]`."""
POINTS = 32, 128
"""Of the way from the baseline to the input: few, or if they do not suffice, many."""
ALLOWED = 0.05
"""Of the change of the score: a sum that misses more is no account of it."""
MOST = 256
"""Steps up to the output that are looked at; with two directions, around it."""


@dataclass(frozen=True)
class Attribution:
    """How much each step of the input has moved an output.

    Attributes:
        start: the first step.
        values: one for each step, float64 `[T]`.
        score: the output.
        baseline: the output for the baseline.
        error: the share of the change from baseline to output by which the sum of the values misses it; NaN for
            methods that do not promise to sum up.
    """

    start: int
    values: Array
    score: float
    baseline: float
    error: float


def gradient(score: Score, x: Tensor) -> Tensor:
    """The gradient of a score by its input, times the input: `[T, I]`.

    >>> gradient(lambda x: (x * x).sum((0, 2)), torch.tensor([[1.0], [2.0]])).tolist()
    [[2.0], [8.0]]
    """
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        (found,) = torch.autograd.grad(score(x[:, None]).sum(), x)
    return found * x.detach()


def integrated_gradients(score: Score, x: Tensor, baseline: Tensor, points: int = POINTS[-1]) -> Tensor:
    """The gradient along the straight way from a baseline to the input, times that way: `[T, I]`.

    Sundararajan, Taly & Yan (2017). With points enough, the values sum up to the change of the score.

    >>> x = torch.tensor([[1.0], [2.0]])
    >>> integrated_gradients(lambda x: (x * x).sum((0, 2)), x, torch.zeros_like(x)).tolist()
    [[1.0], [4.0]]
    """
    shares = (torch.arange(points, dtype=x.dtype) + 0.5) / points
    way = (baseline[:, None] + shares[:, None] * (x - baseline)[:, None]).requires_grad_()
    with torch.enable_grad():
        (found,) = torch.autograd.grad(score(way).sum(), way)
    mean: Tensor = found.mean(1) * (x - baseline)
    return mean


def occlusion(score: Score, x: Tensor, baseline: Tensor) -> Tensor:
    """How much a score falls if one step of the input is the baseline instead: `[T]`.

    >>> occlusion(lambda x: x.sum((0, 2)), torch.tensor([[1.0], [2.0]]), torch.zeros(2, 1)).tolist()
    [1.0, 2.0]
    """
    steps = torch.arange(len(x))
    rows = x[:, None].repeat(1, len(x), 1)
    rows[steps, steps] = baseline
    with torch.no_grad():
        found: Tensor = score(x[:, None]) - score(rows)
    return found


def attribution(inspection: Inspection, step: int, unit: int, method: str = "integrated") -> Attribution:
    """What of the input a score of the model depends on; without a readout, an output of the last layer.

    The baseline is the mean of the input over all steps that are looked at.

    Args:
        inspection: of the layers.
        step: of the output.
        unit: which score; or of the outputs of the last layer, those of the other direction behind those of the first.
        method: `gradient`, `integrated` or `occlusion`.

    >>> import torch, cellwright as cw
    >>> found = attribution(cw.inspect(cw.LSTM(3, 4), torch.randn(50, 3)), step=30, unit=2)
    >>> len(found.values), found.error < 0.05
    (31, True)

    Raises:
        InputError: there is no such step, unit or method; or the values of `integrated` do not sum up to the change of
            the output, by more than 5 % of it, as happens on long sequences with strong recurrence.
    """
    if method not in ("gradient", "integrated", "occlusion"):
        raise InputError(f"a method is gradient, integrated or occlusion, not {method!r}")
    part = Part.around(inspection, step, step, MOST)
    if not any(made.reverse for passes in part.layers for made in passes):
        start = max(step + 1 - MOST, step - int(inspection.passes[0].depth[step]))
        part = Part(inspection, start, step + 1)
    x = part.read()
    baseline = x.mean(0).expand_as(x)

    def score(inputs: Tensor) -> Tensor:
        return inspection.said(part.run(inputs)[step - part.start])[:, unit]

    with torch.no_grad():
        ends = score(torch.stack([baseline, x], 1)).tolist()
    if method == "occlusion":
        return Attribution(part.start, occlusion(score, x, baseline).numpy(), ends[1], ends[0], float("nan"))
    if method == "gradient":
        return Attribution(part.start, gradient(score, x).sum(1).numpy(), ends[1], ends[0], float("nan"))
    change = ends[1] - ends[0]
    for points in POINTS:
        values = integrated_gradients(score, x, baseline, points).sum(1)
        error = abs(float(values.sum()) - change) / max(abs(change), 1e-9)
        if error <= ALLOWED:
            return Attribution(part.start, values.numpy(), ends[1], ends[0], error)
    raise InputError(
        f"integrated gradients must sum up to the change of the output, but miss {error:.0%} of it here; take occlusion"
    )
