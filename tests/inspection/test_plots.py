"""The plots show the numbers that the analysis gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cellwright as cw
from cellwright.errors import InputError
from cellwright.inspection import Inspection
from cellwright.inspection.flow import flow, relative
from cellwright.inspection.health import saturation
from cellwright.inspection.ledger import ledger
from cellwright.inspection.memory import time_constants
from cellwright.inspection.order import order


@pytest.fixture(scope="module")
def inspection() -> Inspection:
    torch.manual_seed(1)
    tracks = {
        "word": [f"${n}" for n in range(90)],
        "label": ([n // 30 for n in range(90)], ["$a", "b", "c"]),
        "curve": np.arange(90.0),
        "frame": np.zeros((90, 2, 2), np.uint8),
    }
    return cw.inspect(cw.LSTM(3, 5, num_layers=2), torch.randn(90, 3), tracks=tracks)


def test_gates(inspection: Inspection) -> None:
    figure = inspection.plot.gates("l1", 10, 60, by="memory")
    pictures = [axes.get_images()[0] for axes in figure.axes if axes.get_images()]
    made = inspection["l1"]
    for picture, name in zip(pictures, made.cell.signals, strict=False):
        expected = made.signal(name, slice(10, 60)).T[order(made, "memory")]
        assert np.array_equal(np.asarray(picture.get_array()), expected)
    figure.canvas.draw()


def test_lines(inspection: Inspection) -> None:
    made = inspection["l0"]
    found = time_constants(made)
    lines = inspection.plot.memory().axes[0].get_lines()
    assert np.array_equal(lines[0].get_ydata(), -np.sort(-found.geometric))
    gradients = inspection.plot.gradient_flow(lags=20).axes[0].get_lines()
    assert np.array_equal(gradients[0].get_ydata(), relative(flow(made, 20).h))
    points = inspection.plot.saturation("l1").axes[1].collections[0].get_offsets()
    assert np.array_equal(np.asarray(points), np.stack(saturation(inspection["l1"], "f"), 1))
    bars = inspection.plot.ledger(40, 3).axes[0].patches
    assert np.allclose([bar.get_height() for bar in bars], ledger(made, 40, 3).entries)  # type: ignore[attr-defined]


def test_what_cannot_be_drawn_is_told(inspection: Inspection) -> None:
    with pytest.raises(InputError, match="not 5 to 5"):
        inspection.plot.gates(start=5, end=5)
    with pytest.raises(InputError, match="no pass 'l3'"):
        inspection.plot.memory("l3")
    with pytest.raises(InputError, match="the cell rnn has no gates"):
        cw.inspect(cw.Recurrent("rnn", 2, 3), torch.randn(5, 2)).plot.saturation()
