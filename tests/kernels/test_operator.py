"""The operators that PyTorch sees: schema, shapes without numbers, autograd, as PyTorch's own checks see them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

import cellwright as cw
from cellwright.cells.zoneout import zoneout
from cellwright.kernels import cpu
from tests.agreement import TOLERANCE
from tests.kernels.calls import drawn

SCAN, BACKWARD = torch.ops.cellwright.scan.default, torch.ops.cellwright.scan_backward.default
STEPS, ROWS = 4, 3
ZONED = zoneout(cw.cells["lstm"], ("h", "c"))
LENGTHS = torch.tensor([2, 0, 4])
RESET = torch.zeros(STEPS, ROWS, dtype=torch.bool).index_fill(0, torch.tensor(1), True)


def arguments(
    cell: str,
    dtype: torch.dtype = torch.float32,
    lengths: Tensor | None = None,
    reset: Tensor | None = None,
    bias: bool = True,
    keep: bool = True,
    learned: bool = True,
    watch: bool = False,
    around: bool = False,
) -> tuple[Any, ...]:
    """The arguments of `cellwright::scan`; with noise, a mask and what resets bring, if asked for."""
    call = drawn("lstm" if around else cell, steps=STEPS, rows=ROWS, inputs=2, units=5, directions=2, dtype=dtype)
    weights = [each if bias else cw.Weights(each.w, each.r) for each in call.weights]
    tensors = [tensor.detach().requires_grad_(learned) for each in weights for tensor in each.tensors()]
    x, state = call.x.requires_grad_(learned), [each.requires_grad_(learned) for each in call.state]
    if not around:
        return x, state, tensors, [], lengths, reset, None, None, cell, bias, False, None, keep, watch
    brought = [torch.randn_like(each).requires_grad_(learned) for each in state]
    noise, mask = torch.rand(STEPS, ROWS, 2, 2, 5, dtype=dtype), torch.randn(2, ROWS, 5, dtype=dtype)
    return x, state, tensors, brought, lengths, reset, noise, mask, cell, bias, False, None, keep, watch


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_scan_passes_the_checks_of_torch(cell: str, bias: bool, dtype: torch.dtype) -> None:
    torch.library.opcheck(SCAN, arguments(cell, dtype, bias=bias))


def test_scan_with_resets_passes_the_checks_of_torch() -> None:
    torch.library.opcheck(SCAN, arguments("lstm", reset=RESET))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_watching_passes_the_checks_of_torch(cell: str) -> None:
    torch.library.opcheck(SCAN, arguments(cell, watch=True))


def test_scan_with_everything_around_it_passes_the_checks_of_torch() -> None:
    torch.library.opcheck(SCAN, arguments(ZONED.key, reset=RESET, around=True))
    given = arguments(ZONED.key, reset=RESET, learned=False, around=True)
    torch.library.opcheck(BACKWARD, backward_arguments(given, with_dx=True))


@pytest.mark.parametrize("reset", [None, RESET])
def test_scan_with_lengths_passes_the_checks_of_torch(reset: Tensor | None) -> None:
    # Not test_aot_dispatch_dynamic: it compares what is saved behind the ends, which nobody writes or reads.
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(SCAN, arguments("lstm", lengths=LENGTHS, reset=reset), test_utils=checks)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_scan_for_inference_passes_the_checks(dtype: torch.dtype) -> None:
    torch.library.opcheck(SCAN, arguments("lstm", dtype, keep=False, learned=False))


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("with_dx", [True, False])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_scan_backward_passes_the_checks(cell: str, with_dx: bool, dtype: torch.dtype) -> None:
    for lengths, reset, bias in ((None, None, True), (LENGTHS, RESET, False)):
        given = arguments(cell, dtype, lengths, reset, bias, learned=False, watch=lengths is None)
        torch.library.opcheck(BACKWARD, backward_arguments(given, with_dx))
        torch.library.opcheck(BACKWARD, backward_arguments(given, with_dx, groups=ROWS))


def backward_arguments(given: tuple[Any, ...], with_dx: bool, groups: int = 0) -> tuple[Any, ...]:
    """The arguments of `cellwright::scan_backward` that belong to a call of `scan`."""
    x, state, weights, brought, *around, cell, bias, projected, precision, _, watch = given
    y, *others = SCAN(*given)
    last, saved = others[: len(state)], others[len(state) :]
    d_last = [torch.ones_like(last[0]), *[None] * (len(state) - 1)]
    d_saved = [torch.ones_like(each) if watch else None for each in saved]
    heard = torch.ones_like(y), d_last, y, saved, d_saved
    return *heard, x, state, weights, brought, *around, cell, bias, projected, precision, watch, with_dx, groups


@pytest.mark.parametrize("keep", [True, False])
def test_shapes_and_dtypes_are_known_without_numbers(keep: bool) -> None:
    given = arguments("gru", torch.float64, keep=keep, learned=False)
    real = SCAN(*given)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        x, state, weights, *others = given
        fakes = [mode.from_tensor(each) for each in (x, *state, *weights)]
        fake = SCAN(fakes[0], fakes[1 : 1 + len(state)], fakes[1 + len(state) :], *others)
    assert [(each.shape, each.dtype, each.stride()) for each in fake] == [
        (each.shape, each.dtype, each.stride()) for each in real
    ]


def test_a_layer_without_numbers_tells_its_shapes() -> None:
    with FakeTensorMode():
        lstm = cw.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)
        y, (h, c) = lstm(torch.zeros(5, 7, 3))
        y.sum().backward()
        assert lstm.weight_ih_l0.grad.shape == (16, 3)
    assert (y.shape, h.shape, c.shape) == ((5, 7, 8), (4, 5, 4), (4, 5, 4))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad, torch.inference_mode])
def test_tensors_without_numbers_never_reach_the_kernel(
    mode: type[torch.no_grad], monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeTensorMode():
        lstm, x = cw.LSTM(3, 4), torch.zeros(5, 7, 3)
    monkeypatch.setattr(cpu, "forward", lambda *_: pytest.fail("the call reached the kernel"))
    with mode():
        assert lstm(x)[0].shape == (5, 7, 4)


def test_a_layer_on_the_meta_device_tells_its_shapes() -> None:
    lstm = cw.LSTM(3, 4, num_layers=2, bidirectional=True, device="meta")
    y, (h, c) = lstm(torch.zeros(5, 7, 3, device="meta"))
    assert (y.shape, h.shape, c.shape) == ((5, 7, 8), (4, 7, 4), (4, 7, 4))
    assert y.is_meta


def test_nothing_of_the_arguments_is_changed() -> None:
    given = arguments("lstm", lengths=LENGTHS, reset=RESET, learned=False)
    flat = [given[0], *given[1], *given[2], given[4], given[5]]
    before = [each.clone() for each in flat]
    BACKWARD(*backward_arguments(given, with_dx=True))
    assert all(map(torch.equal, flat, before))


def test_without_keep_there_is_no_gradient() -> None:
    y, *_ = SCAN(*arguments("lstm", keep=False))
    assert not y.requires_grad
