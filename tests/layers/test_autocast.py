"""Under autocast a layer runs and comes close to full precision, wherever it stands in the network."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import cellwright as cw
from tests.layers.pairs import INPUTS, UNITS


@pytest.mark.parametrize("first", [nn.Identity(), nn.Linear(INPUTS, INPUTS)], ids=["alone", "behind a product"])
@pytest.mark.parametrize("kind", [cw.LSTM, cw.GRU, cw.RNN])
def test_a_network_under_autocast(kind: type[cw.Recurrent], first: nn.Module) -> None:
    torch.manual_seed(0)
    layer, x = kind(INPUTS, UNITS, num_layers=2, bidirectional=True), torch.randn(6, 3, INPUTS)
    expected, _ = layer(first(x))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found, _ = layer(first(x))
        found.float().square().sum().backward()
    assert torch.allclose(found.float(), expected, atol=0.03)
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None
        assert parameter.grad.dtype == torch.float32, name
        assert bool(parameter.grad.any()), name


def test_autocast_does_not_last() -> None:
    layer, x = cw.LSTM(INPUTS, UNITS), torch.randn(6, 3, INPUTS)
    before, _ = layer(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        layer(x.bfloat16())
    assert torch.equal(layer(x)[0], before)
    with pytest.raises(cw.InputError, match="one dtype"):
        layer(x.bfloat16())
