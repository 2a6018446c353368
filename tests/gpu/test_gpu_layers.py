"""Layers on the GPU kernel: options, packed sequences, signals, derivatives of derivatives, transforms."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, grad, jvp, vmap
from torch.nn.utils.rnn import pack_padded_sequence

import cellwright as cw
from cellwright.kernels import gpu_launch
from tests.gpu.gpu_agreement import DEVICE, EVERYWHERE

# PyTorch itself goes through its own deprecated compiler when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")

STEPS, ROWS, INPUTS, UNITS = 5, 3, 4, 9
OPTIONS: list[dict[str, Any]] = [
    {"zoneout": (0.3, 0.2)}, {"recurrent_dropout": 0.3}, {"candidate_dropout": 0.3}, {"weight_dropout": 0.3},
    {"cell_clip": 0.1}, {"learned_state": True}, {"dropout": 0.3, "locked_dropout": True, "num_layers": 2},
    {"num_layers": 2, "bidirectional": True, "zoneout": 0.2, "recurrent_dropout": 0.2, "learned_state": True},
]  # fmt: skip


def made(cell: str = "lstm", **options: Any) -> tuple[cw.Recurrent, Tensor]:
    torch.manual_seed(0)
    module = cw.Recurrent(cell, INPUTS, UNITS, dtype=torch.float64, device=DEVICE, **options)
    return module, torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64, device=DEVICE)


def on_both(call: Any) -> tuple[Any, Any]:
    """What a call gives on the kernel and on the reference, with the same masks."""
    found = []
    for name in ("gpu", "reference"):
        torch.manual_seed(1)
        with cw.backend(name):
            found.append(call())
    return found[0], found[1]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options))
@pytest.mark.parametrize("cell", ["lstm", "peephole", "layer_norm"])
def test_options(cell: str, options: dict[str, Any]) -> None:
    module, x = made(cell, **options)
    reset, lengths = torch.rand(STEPS, ROWS, device=DEVICE) < 0.3, torch.tensor([5, 2, 4])
    with cw.backend("gpu"):
        assert cw.verify(module, x, reset=reset, lengths=lengths) < 1e-10


def test_states_that_a_reset_brings() -> None:
    module, x = made()
    brought = tuple(torch.randn(1, ROWS, UNITS, dtype=torch.float64, device=DEVICE).requires_grad_() for _ in range(2))
    reset = torch.rand(STEPS, ROWS, device=DEVICE) < 0.5

    def call() -> tuple[Tensor, ...]:
        y, last = module(x, reset=reset, reset_state=brought)
        return torch.autograd.grad(y.square().sum() + sum(each.sum() for each in last), brought)

    for one, other in zip(*on_both(call), strict=True):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-12)


def test_packed_sequences() -> None:
    module, x = made(bidirectional=True)
    packed = pack_padded_sequence(x, torch.tensor([2, 5, 4]), enforce_sorted=False)
    ours, theirs = on_both(lambda: module(packed))
    assert torch.allclose(ours[0].data, theirs[0].data, rtol=1e-10, atol=1e-12)
    for one, other in zip(ours[1], theirs[1], strict=True):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("cell", ["lstm", "gru", "layer_norm", "slstm"])
def test_every_signal_and_gradients_into_each(cell: str) -> None:
    module, x = made(cell)
    x.requires_grad_()

    def call() -> list[Tensor]:
        trace = module.trace(x, lengths=torch.tensor([5, 2, 4]))
        total = sum((each * (n + 1)).square().sum() for n, each in enumerate(trace.values()))
        return [*trace.values(), *torch.autograd.grad(total, [x, *module.parameters()])]

    for one, other in zip(*on_both(call), strict=True):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_second_derivatives(cell: str) -> None:
    module, x = made(cell)
    x.requires_grad_()

    def call() -> tuple[Tensor, ...]:
        (slope,) = torch.autograd.grad(module(x)[0].square().sum(), x, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), [x, *module.parameters()])

    for one, other in zip(*on_both(call), strict=True):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-12)


def test_forward_mode_and_gradients_of_single_samples() -> None:
    module, x = made()
    weights = {name: each.detach() for name, each in module.named_parameters()}

    def loss(weights: dict[str, Tensor], row: Tensor) -> Tensor:
        return functional_call(module, weights, (row[:, None],))[0].square().sum()

    def call() -> list[Tensor]:
        y, slope = jvp(lambda x: module(x)[0], (x,), (torch.ones_like(x),))
        return [y, slope, *vmap(grad(loss), in_dims=(None, 1))(weights, x).values()]

    for one, other in zip(*on_both(call), strict=True):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-12)


def test_a_stream_goes_through_the_kernel() -> None:
    module, x = made(num_layers=2)
    stream = module.eval().stream(ROWS)
    with cw.backend("gpu"), torch.no_grad():
        found = torch.stack([stream.step(each).clone() for each in x])
        assert torch.allclose(found, module(x)[0], rtol=0, atol=1e-13)


def test_it_is_explained() -> None:
    module, x = made()
    with cw.backend("gpu"):
        assert cw.explain(module, x) == "gpu: lstm in torch.float64 runs in a compiled kernel"
        module.precision = "tf32"
        assert cw.explain(module, x) == "gpu: lstm in torch.float64 runs in a compiled kernel"
        told = "gpu: lstm in torch.float32 runs in a compiled kernel; recurrent products in tf32"
        assert cw.explain(module.float(), x.float()) == told


def test_a_row_that_is_too_wide_for_one_program_goes_to_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_launch, "WHOLE", 16)
    x = torch.randn(STEPS, ROWS, INPUTS, device=DEVICE)
    for options in ({"proj_size": 5}, {"cell": "layer_norm"}):
        wide = cw.LSTM(INPUTS, 17, device=DEVICE, **options)
        told = "reference: a projection or a sum over units is for up to 16 of them on a GPU, and there are 17"
        assert cw.explain(wide, x) == told
        assert cw.verify(wide, x) == 0
        with cw.backend("gpu"), pytest.raises(cw.InputError, match="up to 16 of them"):
            wide(x)
    assert cw.explain(cw.LSTM(INPUTS, 17, device=DEVICE), x).startswith(("gpu", "cudnn"))


@pytest.mark.parametrize("way", ["stash", "stream"])
def test_projection(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in EVERYWHERE[way].items():
        monkeypatch.setattr(gpu_launch, name, value)
    torch.manual_seed(0)
    lstm = cw.LSTM(
        INPUTS, UNITS, num_layers=2, proj_size=5, zoneout=(0.0, 0.2), bidirectional=True, device=DEVICE,
        dtype=torch.float64, recurrent_dropout=0.3,
    )  # fmt: skip
    x = torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64, device=DEVICE)
    reset = torch.rand(STEPS, ROWS, device=DEVICE) < 0.3
    with cw.backend("gpu"):
        assert cw.verify(lstm, x, reset=reset, lengths=torch.tensor([5, 2, 4])) < 1e-10
