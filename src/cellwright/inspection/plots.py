"""Plots of an inspection with matplotlib: the same numbers as on the page, for papers and notebooks."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..tasks.exhibit import new_figure, plain
from .flow import flow, relative
from .health import gates_of, saturation
from .ledger import ledger
from .memory import time_constants
from .order import order
from .tiles import Pyramid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .inspection import Inspection
    from .passes import Pass
    from .tracks import Track

READABLE = 120
"""Steps up to which tokens are written."""
MOST = 5000
"""Steps that are drawn."""


class Plots:
    """Figures of one inspection. Each method returns a matplotlib figure: save it, or let a notebook show it.

    Args:
        inspection: what to draw.

    >>> import torch, cellwright as cw
    >>> inspection = cw.inspect(cw.LSTM(3, 4), torch.randn(50, 3), tracks={"day": list("abcde") * 10})
    >>> len(inspection.plot.gates().axes)
    13
    """

    def __init__(self, inspection: Inspection) -> None:
        self.inspection = inspection

    def gates(self, name: str | None = None, start: int = 0, end: int | None = None, by: str = "index") -> Figure:
        """Every signal over time, a row for each unit, under what stands beside the steps.

        Args:
            name: of the pass; the first by default.
            start: the first step.
            end: the step behind the last; all by default.
            by: the order of the units: index, memory, variance, likeness.

        Raises:
            InputError: there is no such pass or order, or there are too many steps.
        """
        made = self.chosen(name)
        end = made.steps if end is None else end
        if not 0 <= start < end <= made.steps or end - start > MOST:
            raise InputError(
                f"a plot shows up to {MOST:,} steps from 0 to {made.steps:,}, not {start:,} to {end:,}; choose fewer"
            )
        beside = [each for each in self.inspection.tracks if each.kind != "frames"]
        signals = made.cell.signals
        heights = [0.35] * len(beside) + [1.2] * len(signals)
        figure = new_figure(10, 1.0 + sum(heights))
        rows = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
        for axes, track in zip(rows, beside, strict=False):
            draw_track(axes, track, start, end)
        units = order(made, by)
        for axes, signal in zip(rows[len(beside) :], signals, strict=True):
            scale = Pyramid(made, signal).scale
            values = made.signal(signal, slice(start, end)).T
            image = axes.imshow(
                values[units] if len(values) == len(units) else values,
                aspect="auto", interpolation="nearest", extent=(start - 0.5, end - 0.5, len(values) - 0.5, -0.5),
                vmin=scale.low, vmax=scale.high, cmap="viridis" if scale.low == 0 else "PuOr_r",
            )  # fmt: skip
            axes.set_ylabel(signal, rotation=0, ha="right", va="center", fontsize=11)
            axes.set_yticks([])
            figure.colorbar(image, ax=axes, pad=0.01, aspect=8)
        rows[-1].set_xlabel(f"step; {made.name}: a row for each of {made.units} units, by {by}")
        return figure

    def memory(self, name: str | None = None) -> Figure:
        """How long each unit remembers, the longest first: by its gates, and by gradient as far as that was looked."""
        made = self.chosen(name)
        found = time_constants(made)
        units = np.argsort(-found.geometric, kind="stable")
        figure = new_figure(7, 3.5)
        axes = figure.subplots()
        places = np.arange(1, made.units + 1)
        axes.semilogy(places, found.geometric[units], label="geometric")
        axes.semilogy(places, found.arithmetic[units], label="arithmetic")
        axes.semilogy(places, found.bias[units], ".", label="by bias")
        axes.semilogy(places, flow(made).constants[units], "x", markersize=4, label="by gradient")
        axes.set(xlabel="units, the longest memory first", ylabel="steps to 1/e", title=made.name)
        axes.legend()
        return figure

    def saturation(self, name: str | None = None) -> Figure:
        """For each gate, how often each unit is near its lower and its upper end."""
        made = self.chosen(name)
        gates = gates_of(made)
        if not gates:
            raise InputError(f"the cell {made.cell.name} has no gates; plot.gates() shows its signals")
        figure = new_figure(2.6 * len(gates), 3)
        for axes, gate in zip(figure.subplots(1, len(gates), squeeze=False, sharey=True)[0], gates, strict=True):
            low, high = saturation(made, gate)
            axes.plot([0, 1], [1, 0], color="0.8", linewidth=1)
            axes.scatter(low, high, s=12, alpha=0.6)
            axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal", title=gate, xlabel="near its lower end")
        figure.axes[0].set_ylabel("near its upper end")
        return figure

    def gradient_flow(self, name: str | None = None, lags: int = 100) -> Figure:
        """How long a gradient is after so many steps back, over all paths and over the memory alone."""
        made = self.chosen(name)
        found = flow(made, lags)
        figure = new_figure(7, 3.5)
        axes = figure.subplots()
        for label, lengths in (("h", found.h), (made.memory, found.memory), ("direct", found.direct)):
            axes.semilogy(relative(lengths), label=label)
        axes.axhline(0.01, color="0.7", linewidth=1)
        axes.set(xlabel="steps back", ylabel="of the gradient", title=f"{made.name}: {found.verdict}")
        axes.legend()
        return figure

    def ledger(self, step: int, unit: int, name: str | None = None) -> Figure:
        """What of each write is in the memory of a unit after a step."""
        made = self.chosen(name)
        found = ledger(made, step, unit)
        figure = new_figure(7, 3)
        axes = figure.subplots()
        axes.bar(found.steps, found.entries, width=0.9)
        axes.set(
            xlabel="step that wrote", ylabel="left of it",
            title=f"{made.memory} of unit {unit} at step {step} is {found.total:.3f}",
        )  # fmt: skip
        return figure

    def chosen(self, name: str | None) -> Pass:
        """The pass of a name, or the first."""
        return self.inspection.passes[0] if name is None else self.inspection[name]


def draw_track(axes: Axes, track: Track, start: int, end: int) -> None:
    """A track above the signals: tokens and labels as text where there is room, curves as lines."""
    values = track.values[start:end]
    axes.set_yticks([])
    axes.set_ylabel(plain(track.name), rotation=0, ha="right", va="center", fontsize=8)
    if track.kind == "curves":
        axes.plot(np.arange(start, end), values, linewidth=0.8)
        return
    edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    if track.kind == "tokens":
        edges = list(range(len(values) + 1))
    if len(edges) > READABLE:
        return
    for first, last in pairwise(edges):
        text = plain(track.names[values[first]])
        axes.text(start + (first + last - 1) / 2, 0.5, text, ha="center", va="center", fontsize=7, clip_on=True)
        axes.axvline(start + first - 0.5, color="0.85", linewidth=0.5)
