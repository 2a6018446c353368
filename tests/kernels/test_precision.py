"""The precision of a layer reaches every call of the operators, those of derivatives and transforms too."""

from __future__ import annotations

from typing import Any

import torch
from torch.func import functional_call, grad, jvp, vmap
from torch.utils._python_dispatch import TorchDispatchMode

import cellwright as cw


class Asked(TorchDispatchMode):
    """Notes the precision that each call of an operator of ours asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str | None]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.namespace == "cellwright":
            names = [each.name for each in func._schema.arguments]
            self.found.append((func.overloadpacket.__name__, args[names.index("precision")]))
        return func(*args, **(kwargs or {}))


def test_every_call_asks_for_the_precision_of_the_layer() -> None:
    torch.manual_seed(0)
    lstm, x = cw.LSTM(3, 4, precision="tf32", zoneout=0.1).eval(), torch.randn(5, 2, 3, requires_grad=True)
    weights = {name: each.detach() for name, each in lstm.named_parameters()}
    with Asked() as asked:
        (slope,) = torch.autograd.grad(lstm(x)[0].square().sum(), x, create_graph=True)
        torch.autograd.grad(slope.square().sum(), x)
        lstm.trace(x)
        jvp(lambda x: lstm(x)[0], (x,), (torch.ones_like(x),))
        vmap(grad(lambda x: functional_call(lstm, weights, (x,))[0].sum()), 1)(x[:, None])
        lstm.stream().step(x.detach()[0, :1])
    assert {name for name, _ in asked.found} == {"scan", "scan_backward"}
    assert {precision for _, precision in asked.found} == {"tf32"}


def test_by_default_none_is_asked_for() -> None:
    with Asked() as asked:
        cw.LSTM(3, 4)(torch.randn(5, 2, 3))
    assert asked.found == [("scan", None)]


def test_it_is_shown() -> None:
    assert repr(cw.LSTM(3, 4, precision="bf16")) == "LSTM(3, 4, precision='bf16')"
