"""What the gates do where something changes: they forget, so that the new can be kept."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...cells import cells
from ..exhibit import Exhibit, new_figure
from .problem import FrameNetwork, FrameProblem
from .reading import Video

BEFORE, AFTER = 5, 10
"""Frames around a change that are shown."""
UNITS = 5
"""The units that are followed: those whose gate moves most."""
DRAWN, SURE = 1000, 0.95
"""How often changes are drawn again, and the share of those within the interval (bootstrap: Efron, 1979)."""


def changes(labels: Sequence[str]) -> list[int]:
    """The frames whose label is not that of the frame before, both being known.

    >>> changes(["", "up", "up", "left", "", "up"])
    [3]
    """
    return [t for t in range(1, len(labels)) if labels[t] and labels[t - 1] and labels[t] != labels[t - 1]]


@torch.no_grad()
def gates_around(problem: FrameProblem, network: FrameNetwork, videos: Sequence[Video], name: str) -> Tensor:
    """A gate at each frame around the changes, less its mean over all frames that are far from any.

    Args:
        problem: of the network.
        network: the first of its layers, read forwards, is watched.
        videos: with labels.
        name: of the gate.

    Returns:
        `[changes, BEFORE + 1 + AFTER, hidden]`; NaN beyond the ends of a video, and everywhere if no frame is far.
    """
    around, far = [], []
    for video in videos:
        frames, lengths = problem.seen(video)[None], torch.tensor([len(video.labels)])
        gate = network.layers.trace(network.before(frames, lengths), lengths=lengths)[name][0, :, 0]
        places = torch.tensor(changes(video.labels), dtype=torch.int64)
        at = places[:, None] + torch.arange(-BEFORE, AFTER + 1)
        inside = (at >= 0) & (at < len(gate))
        around.append(gate[at.clamp(0, len(gate) - 1)].masked_fill(~inside[..., None], torch.nan))
        near = torch.zeros(len(gate), dtype=torch.bool)
        near[at[inside]] = True
        far.append(gate[~near])
    return torch.cat(around) - torch.cat(far).mean(0)


def gates_exhibit(problem: FrameProblem, network: FrameNetwork, videos: Sequence[Video]) -> Exhibit | None:
    """The forget and the input gates around changes of the label, or nothing where there are none to watch."""
    names = [name for name in ("f", "i") if name in cells[problem.settings.cell].gates]
    count = sum(len(changes(each.labels)) for each in videos)
    if not names or count < 2 or problem.settings.torch:
        return None
    around = {name: gates_around(problem, network, videos, name) for name in names}
    if all(found.isnan().all() for found in around.values()):
        return None
    lags = range(-BEFORE, AFTER + 1)
    figure = new_figure(9, 3.6)
    rows = [["frames after the change"], *([f"{lag:+}" if lag else "0"] for lag in lags)]
    for axes, (name, found) in zip(figure.subplots(1, len(names), squeeze=False)[0], around.items(), strict=True):
        whole = found.mean(-1)
        low, high = interval(whole)
        mean = whole.nanmean(0)
        axes.fill_between(lags, low, high, alpha=0.3)
        axes.plot(lags, mean, label="mean of all units", linewidth=2)
        of_unit = found.nanmean(0)
        for unit in of_unit.abs().nan_to_num().amax(0).topk(min(UNITS, of_unit.shape[1])).indices.tolist():
            axes.plot(lags, of_unit[:, unit], linewidth=0.8, label=f"unit {unit}")
        axes.axvline(0, color="grey", linestyle=":")
        axes.axhline(0, color="grey", linewidth=0.5)
        axes.set(title=f"gate {name}, against elsewhere", xlabel="frames after the change")
        axes.legend(fontsize=7)
        rows[0] += [f"{name}: mean of all units", f"{SURE:.0%} interval"]
        for row, middle, least, most in zip(rows[1:], mean.tolist(), low.tolist(), high.tolist(), strict=True):
            row += [f"{middle:+.3f}", f"{least:+.3f}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{most:+.3f}"]
    text = (
        f"The gates of the first layer at {count:,} changes of the label, less their mean in frames far from any. "
        "Below zero a forget gate closes: the unit gives up what it held. Thin lines are the units that move most."
    )
    return Exhibit("Gates around changes", text, rows, figure)


def interval(values: Tensor) -> tuple[Tensor, Tensor]:
    """Between what the mean over rows lies, if other rows had been drawn; `[T]` each, of values `[rows, T]`."""
    chance = torch.Generator().manual_seed(0)
    means = torch.stack(
        [values[torch.randint(len(values), (len(values),), generator=chance)].nanmean(0) for _ in range(DRAWN)]
    )
    tail = (1 - SURE) / 2
    low, high = means.nanquantile(torch.tensor([tail, 1 - tail]), 0)
    return low, high
