"""Whatever the cell, the sizes and the options: the kernel gives what the reference gives, and rows stay apart."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import Tensor

import cellwright as cw
from tests.agreement import assert_agree

pytestmark = pytest.mark.filterwarnings(
    "ignore:dropout acts between layers"
)  # also of one layer, where it does nothing

MODULES: dict[tuple[str, bool], dict[str, Any]] = {
    ("lstm", False): {},
    ("lstm", True): {"zoneout": (0.2, 0.1), "cell_clip": 0.3, "candidate_dropout": 0.3, "recurrent_dropout": 0.3},
    ("gru", False): {},
    ("peephole", True): {"weight_dropout": 0.3, "learned_state": True},
    ("layer_norm", False): {},
    ("slstm", False): {},
    ("ltm_stm", True): {"recurrent_dropout": 0.5, "dropout": 0.5, "locked_dropout": True},
}
SETTINGS = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@st.composite
def calls(draw: st.DrawFn) -> tuple[cw.Recurrent, Tensor, dict[str, Any]]:
    """A layer, an input and the options of a call."""
    kind = draw(st.sampled_from(sorted(MODULES)))
    steps, rows, inputs, units = (draw(st.integers(low, high)) for low, high in ((1, 9), (1, 9), (1, 20), (1, 40)))
    torch.manual_seed(draw(st.integers(0, 1000)))
    module = cw.Recurrent(
        kind[0], inputs, units, num_layers=draw(st.integers(1, 2)), bidirectional=draw(st.booleans()),
        bias=draw(st.booleans()), batch_first=draw(st.booleans()), dtype=torch.float64, **MODULES[kind],
    ).train(draw(st.booleans()))  # fmt: skip
    x = torch.randn(steps, rows, inputs, dtype=torch.float64)
    options: dict[str, Any] = {}
    if draw(st.booleans()):
        options["lengths"] = torch.tensor(draw(st.lists(st.integers(0, steps), min_size=rows, max_size=rows)))
    if draw(st.booleans()):
        options["reset"] = laid_out(module, torch.rand(steps, rows) < draw(st.sampled_from([0.0, 0.2, 1.0])))
    if draw(st.booleans()):
        shape = (module.num_layers * module.directions, rows, units)
        state = tuple(torch.randn(shape, dtype=torch.float64).abs() for _ in module.cell.state)
        options["hx"] = state if len(state) > 1 else state[0]
    return module, laid_out(module, x), options


def laid_out(module: cw.Recurrent, values: Tensor) -> Tensor:
    return values.transpose(0, 1) if module.batch_first else values


def found(module: cw.Recurrent, x: Tensor, options: dict[str, Any], backend: str = "cpu") -> dict[str, Tensor]:
    """Outputs, last states and all gradients."""
    x = x.detach().requires_grad_()
    torch.manual_seed(3)
    with cw.backend(backend):
        y, last = module(x, **options)
        results = [y, *((last,) if isinstance(last, Tensor) else last)]
        loss = sum((each * each.detach().cos()).sum() for each in results)
        sources = {"x": x, **dict(module.named_parameters())}
        gradients = torch.autograd.grad(loss, list(sources.values()), allow_unused=True, materialize_grads=True)
    return {f"result {n}": each.detach() for n, each in enumerate(results)} | dict(zip(sources, gradients, strict=True))


@SETTINGS
@given(calls())
def test_the_kernel_equals_the_reference(call: tuple[cw.Recurrent, Tensor, dict[str, Any]]) -> None:
    module, x, options = call
    assert cw.explain(module, x).startswith("cpu: ")
    assert_agree(found(module, x, options), found(module, x, options, "reference"), 1e-9)


@SETTINGS
@given(calls(), st.integers(0, 100))
def test_a_row_does_not_see_the_others(call: tuple[cw.Recurrent, Tensor, dict[str, Any]], row: int) -> None:
    module, x, options = call
    module.eval()
    rows = x.shape[0 if module.batch_first else 1]
    row %= rows
    other = x.clone()
    others = laid_out(module, other)
    others[:, [n for n in range(rows) if n != row]] = torch.nan
    with torch.no_grad():
        expected, result = (laid_out(module, module(each, **options)[0])[:, row] for each in (x, other))
    assert torch.equal(result, expected)


@SETTINGS
@given(calls())
def test_a_stream_equals_the_layer(call: tuple[cw.Recurrent, Tensor, dict[str, Any]]) -> None:
    module, x, _ = call
    if module.bidirectional:
        return
    x = laid_out(module.eval(), x)
    stream = module.stream(x.shape[1])
    with torch.no_grad():
        expected = laid_out(module, module(laid_out(module, x))[0])
    for each, y in zip(x, expected, strict=True):
        assert torch.allclose(stream.step(each), y, rtol=1e-10, atol=1e-12)
