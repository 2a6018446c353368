"""Which backend runs a layer: as asked, as `explain` says, and for the block of `with` only."""

from __future__ import annotations

import importlib
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

import cellwright as cw
from cellwright.kernels import plan


def layer() -> tuple[cw.LSTM, torch.Tensor]:
    torch.manual_seed(0)
    return cw.LSTM(3, 4), torch.randn(5, 2, 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_kernel_runs_what_it_can(dtype: torch.dtype) -> None:
    lstm, x = layer()
    explanation = cw.explain(lstm.to(dtype), x.to(dtype))
    assert explanation.startswith(f"cpu: lstm in {dtype} runs in a compiled kernel; ")


def test_other_devices_run_on_the_reference() -> None:
    lstm = cw.LSTM(3, 4, device="meta")
    assert cw.explain(lstm, torch.zeros(5, 2, 3, device="meta")).startswith("reference: the data are on meta")


def test_the_reference_can_be_forced() -> None:
    lstm, x = layer()
    with cw.backend("reference"):
        assert cw.explain(lstm, x) == "reference: asked for by cellwright.backend"
    assert cw.explain(lstm, x).startswith("cpu: ")


def test_the_inner_block_counts_and_the_outer_one_comes_back() -> None:
    lstm, x = layer()
    with cw.backend("reference"):
        with cw.backend("cpu"):
            assert cw.explain(lstm, x).startswith("cpu: ")
        assert cw.explain(lstm, x).startswith("reference: ")


def test_an_error_in_the_block_ends_it() -> None:
    lstm, x = layer()
    with pytest.raises(ZeroDivisionError), cw.backend("reference"):
        _ = 1 / 0
    assert cw.explain(lstm, x).startswith("cpu: ")


def test_other_threads_are_not_affected() -> None:
    lstm, x = layer()
    with cw.backend("reference"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(cw.explain, lstm, x).result().startswith("cpu: ")


def test_the_gpu_kernel_does_not_run_on_the_cpu() -> None:
    lstm, x = layer()
    with cw.backend("gpu"), pytest.raises(cw.InputError, match="the GPU kernel cannot run this: the data are on cpu;"):
        lstm(x)


def verdict(device: str, cell: str = "peephole", plain: str = "no") -> tuple[str, str]:
    """For a layer that lies on a device which this machine may not have."""
    return plan.verdict(cw.cells[cell].key, device, torch.float32, False, True, False, plain, 8)


def test_without_triton_the_reference_runs_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "obstacle_to_triton", lambda: "Triton is not installed")
    assert verdict("cuda") == ("reference", "Triton is not installed")
    with cw.backend("gpu"), pytest.raises(cw.InputError, match="the GPU kernel cannot run this: Triton"):
        verdict("cuda")


def test_on_a_gpu_its_kernel_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "obstacle_to_triton", lambda: None)
    expected = ("gpu", "peephole in torch.float32 runs in a compiled kernel")
    assert verdict("cuda") == expected
    with cw.backend("gpu"):
        assert verdict("cuda") == expected
    with cw.backend("cpu"), pytest.raises(cw.InputError, match="the CPU kernel cannot run this: the data are on cuda"):
        verdict("cuda")


def test_a_plain_layer_on_a_gpu_is_one_of_pytorch_where_that_is_quicker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "obstacle_to_triton", lambda: None)
    theirs = ("cudnn", "lstm with nothing around it is one of PyTorch's own layers")
    ours = ("gpu", "lstm in torch.float32 runs in a compiled kernel")
    assert verdict("cuda", "lstm", plain="quicker") == theirs
    assert verdict("cuda", "lstm", plain="possible") == ours
    with cw.backend("gpu"):
        assert verdict("cuda", "lstm", plain="quicker") == ours
    with cw.backend("cudnn"):
        assert verdict("cuda", "lstm", plain="possible") == theirs
        for device, cell in (("cuda", "lstm"), ("cpu", "lstm"), ("cuda", "peephole")):
            with pytest.raises(cw.InputError, match="cuDNN cannot run this: it has plain lstm, gru, rnn, rnn_relu"):
                verdict(device, cell)
    monkeypatch.setattr(plan, "obstacle_to_triton", lambda: "Triton is not installed")
    assert verdict("cuda", "lstm", plain="possible") == theirs


def test_a_mistyped_backend_gets_the_nearest_name() -> None:
    with (
        pytest.raises(cw.InputError, match=r"no backend 'refrence'; did you mean 'reference'\?"),
        cw.backend("refrence"),
    ):
        pass


def test_the_kernel_cannot_be_forced_on_another_dtype() -> None:
    dtype = torch.int64
    call = torch.zeros(2, 1, 3, dtype=dtype)
    weights = cw.Weights(torch.zeros(4, 3, dtype=dtype), torch.zeros(4, 4, dtype=dtype))
    state = [torch.zeros(1, 1, 4, dtype=dtype)]
    with cw.backend("cpu"), pytest.raises(cw.InputError, match="computes in float32 and float64"):
        cw.scan(cw.cells["rnn"], call, state, weights)


def test_verify_finds_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    lstm, x = layer()
    assert 0 < cw.verify(lstm, x) < 1e-5
    forward, signs = lstm.forward, iter([1, -1])
    monkeypatch.setattr(lstm, "forward", lambda x: (next(signs) * forward(x)[0], forward(x)[1]))
    assert cw.verify(lstm, x) > 0.1


def test_verify_of_a_cell_that_leaves_something_unused() -> None:
    @cw.cell(gates="a")
    def forgetful(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, torch.Tensor]:
        return dict(h=torch.tanh(x.a))

    assert cw.verify(cw.Recurrent(forgetful, 3, 4), torch.randn(5, 2, 3)) < 1e-5


def test_verify_tells_what_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    lstm, x = cw.LSTM(3, 4), torch.randn(5, 2, 3)
    real = importlib.import_module("cellwright.kernels.cpu").backward

    def spoilt(*arguments: Any) -> Any:
        dx, d_state, d_weights, d_reset = real(*arguments)
        d_weights[-1].fill_(torch.nan)
        return dx, d_state, d_weights, d_reset

    monkeypatch.setattr("cellwright.kernels.cpu.backward", spoilt)
    assert math.isnan(cw.verify(lstm, x))


def test_verify_takes_what_the_layer_takes() -> None:
    lstm = cw.LSTM(3, 4)
    packed = torch.nn.utils.rnn.pack_sequence([torch.randn(4, 3), torch.randn(2, 3)])
    assert cw.verify(lstm, packed) < 1e-5
    with torch.no_grad():
        assert cw.verify(lstm, torch.randn(5, 2, 3)) < 1e-5
    assert cw.verify(lstm, torch.randn(0, 2, 3)) == 0


def test_every_layer_is_explained() -> None:
    one, other = (cw.explain(cw.LSTM(size, 32).bfloat16(), torch.zeros(5, 2, size).bfloat16()) for size in (15, 32))
    both = cw.explain(cw.LSTM(15, 32, 2).bfloat16(), torch.zeros(5, 2, 15).bfloat16())
    assert all(part in both for part in (*one.split("; "), *other.split("; ")))


def test_a_projected_output_that_a_cell_sums_up_is_left_to_the_reference() -> None:
    module, x = cw.Recurrent(leaning, 3, 8, proj_size=2), torch.randn(5, 2, 3)
    assert "it reads its last output, which is projected" in cw.explain(module, x)
    assert cw.verify(module, x) == 0
    assert cw.verify(cw.Recurrent(leaning, 3, 8), x) < 1e-5


@cw.cell(gates="f g", state="h c")
def leaning(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, torch.Tensor]:
    """A cell that adds the mean of its last output."""
    f = torch.sigmoid(x.f + r.f)
    c = f * s.c + (1 - f) * torch.tanh(x.g + r.g)
    return dict(f=f, c=c, h=torch.tanh(c) + s.h.mean(-1, keepdim=True))


def test_signs_of_views_are_read() -> None:
    lstm, z = cw.LSTM(3, 4), torch.randn(5, 2, 3)
    assert torch.equal(lstm(torch._neg_view(z))[0], lstm(-z)[0])
