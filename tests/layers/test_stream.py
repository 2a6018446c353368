"""A stream has the numbers of the layer, whatever happens between its steps."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

import cellwright as cw
from cellwright.kernels.stepper import FEW

STEPS, ROWS, INPUTS, UNITS = 7, 3, 5, 19
MANY = FEW + 2  # rows for which the stream packs its weights


def made(cell: str | cw.Cell = "lstm", rows: int = ROWS, **options: object) -> tuple[cw.Recurrent, Tensor]:
    torch.manual_seed(0)
    module = cw.Recurrent(cell, INPUTS, UNITS, **options).eval()
    return module, torch.randn(STEPS, rows, INPUTS, dtype=module.weight_hh_l0.dtype)


def streamed(stream: cw.Stream, x: Tensor) -> Tensor:
    return torch.stack([stream.step(each).clone() for each in x])


@cw.cell(gates="a", state="h")
def wave(x: cw.Terms, r: cw.Terms, s: cw.Terms, w: cw.Terms) -> dict[str, Tensor]:
    """An operator that the kernels do not have."""
    return {"h": torch.sin(x.a + r.a)}


@pytest.mark.parametrize("rows", [ROWS, MANY])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", [*cw.cells, wave])
def test_has_the_numbers_of_the_layer(cell: str | cw.Cell, layers: int, rows: int) -> None:
    module, x = made(cell, rows, num_layers=layers, dtype=torch.float64)
    with torch.no_grad():
        output, last = module(x)
    stream = module.stream(rows)
    assert torch.allclose(streamed(stream, x), output, rtol=0, atol=1e-13)
    assert type(stream.state) is type(last)
    for one, other in zip(stream.state, last, strict=True):
        assert torch.allclose(one, other, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("sizes", [(1, 1), (16, 16), (17, 33), (64, 128), (3, 100)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_weights_are_read_where_they_lie(sizes: tuple[int, int], dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    module, x = cw.LSTM(*sizes, bias=False, dtype=dtype).eval(), torch.randn(STEPS, 1, sizes[0], dtype=dtype)
    with torch.no_grad():
        expected = module.double()(x.double())[0]
    found = streamed(module.to(dtype).stream(1), x)
    assert torch.allclose(found.double(), expected, rtol=0, atol=1e-6 if dtype == torch.float32 else 1e-14)


def test_a_row_has_the_same_bits_alone_and_beside_others() -> None:
    module, x = made(num_layers=2)
    together = streamed(module.stream(ROWS), x)
    for row in range(ROWS):
        assert torch.equal(streamed(module.stream(1), x[:, row : row + 1]), together[:, row : row + 1])


def test_has_the_bits_of_the_layer_on_the_kernel() -> None:
    module, x = made(rows=MANY, num_layers=2)
    with torch.no_grad():
        assert torch.equal(streamed(module.stream(MANY), x), module(x)[0])


@pytest.mark.parametrize("rows", [2, MANY])
def test_units_for_several_threads(rows: int) -> None:
    torch.manual_seed(0)
    module, x = cw.LSTM(64, 700, dtype=torch.float64).eval(), torch.randn(4, rows, 64, dtype=torch.float64)
    stream = module.stream(rows)
    with torch.no_grad():
        assert torch.allclose(streamed(stream, x), module(x)[0], rtol=0, atol=1e-13)
    stepper = stream.steppers[0]
    assert stepper is not None
    assert stepper.call.plan.team.threads == min(2, torch.get_num_threads())


def replace_parameter(module: cw.Recurrent) -> None:
    module.weight_hh_l0 = nn.Parameter(torch.randn_like(module.weight_hh_l0))


def write_data(module: cw.Recurrent) -> None:
    module.weight_hh_l0.data[3, 2] += 1


def load(module: cw.Recurrent) -> None:
    module.load_state_dict({name: value * 0.5 for name, value in module.state_dict().items()})


@pytest.mark.parametrize("rows", [ROWS, MANY])
@pytest.mark.parametrize("change", [replace_parameter, write_data, load])
def test_weights_that_change_are_seen(change: Callable[[cw.Recurrent], None], rows: int) -> None:
    module, x = made(rows=rows, dtype=torch.float64)
    stream = module.stream(rows)
    streamed(stream, x)
    before = tuple(each.clone() for each in stream.state)
    change(module)
    with torch.no_grad():
        expected = module(x, before)[0]
    assert torch.allclose(streamed(stream, x), expected, rtol=0, atol=1e-13)


def test_a_backend_that_is_asked_for_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    module, x = made()
    stream = module.stream(ROWS)
    first = stream.step(x[0]).clone()
    monkeypatch.setattr("cellwright.kernels.stepper.Stepper.step", lambda *_: pytest.fail("the kernel ran"))
    with cw.backend("reference"), torch.no_grad():
        second = stream.step(x[1])
        expected = module(x[:2])[0]
    assert torch.allclose(torch.stack([first, second]), expected, atol=1e-6)


def test_a_new_number_of_threads_counts_at_once() -> None:
    torch.manual_seed(0)
    module, x = cw.LSTM(64, 700).eval(), torch.randn(4, MANY, 64)
    stream, before = module.stream(MANY), torch.get_num_threads()
    try:
        found = []
        for threads, each in zip((1, 2, 1, 3), x, strict=True):
            torch.set_num_threads(threads)
            found.append(stream.step(each).clone())
            stepper = stream.steppers[0]
            assert stepper is not None
            assert stepper.call.plan.team.threads <= threads
    finally:
        torch.set_num_threads(before)
    with torch.no_grad():
        assert torch.equal(torch.stack(found), module(x)[0])


def test_a_state_can_be_kept_and_gone_back_to() -> None:
    module, x = made(num_layers=2)
    stream = module.stream(ROWS)
    streamed(stream, x[:3])
    kept = tuple(each.clone() for each in stream.state)
    first = streamed(stream, x[3:])
    stream.state = kept
    assert torch.equal(streamed(stream, x[3:]), first)


def test_a_reset_begins_new_sequences() -> None:
    module, x = made(dtype=torch.float64)
    stream = module.stream(ROWS)
    streamed(stream, x[:3])
    untouched = stream.state[1][:, 1].clone()
    stream.reset(torch.tensor([True, False, True]))
    assert bool((stream.state[1][:, [0, 2]] == 0).all())
    assert torch.equal(stream.state[1][:, 1], untouched)
    stream.reset(torch.tensor([1]))
    with torch.no_grad():
        assert torch.allclose(streamed(stream, x), module(x)[0], rtol=0, atol=1e-13)
    stream.reset()
    assert all(bool((each == 0).all()) for each in stream.state)


def test_nothing_is_allocated_after_the_first_step() -> None:
    module, x = made(num_layers=2)
    stream = module.stream(ROWS)
    places = {stream.step(each).data_ptr() for each in x}
    assert len(places) == 1
    with torch.profiler.profile(profile_memory=True) as profile:
        stream.step(x[0])
    assert sum(event.self_cpu_memory_usage for event in profile.key_averages()) == 0
    assert not any("empty" in event.key for event in profile.key_averages())


def test_no_gradient_comes_out() -> None:
    module, x = made()
    assert not module.stream(ROWS).step(x[0].requires_grad_()).requires_grad


def test_what_does_not_fit_is_refused() -> None:
    module, x = made()
    stream = module.stream(ROWS)
    for wrong in (x[0, :2], x[0, :, :3], x, x[0].double()):
        with pytest.raises(cw.InputError, match=r"x \[3, 5\].*of torch.float32 on cpu, but got"):
            stream.step(wrong)
    with pytest.raises(cw.InputError, match=r"h, c of the shapes \[1, 3, 19\]"):
        stream.state = (torch.zeros(1, 3, 19),)
    with pytest.raises(cw.InputError, match="batch_size must be a whole number of at least 1"):
        module.stream(0)
    with pytest.raises(cw.InputError, match="must not be bidirectional"):
        made(bidirectional=True)[0].stream()


def transpose(module: cw.Recurrent) -> None:
    module.weight_hh_l0.data = module.weight_hh_l0.data.t()


def replace_by_a_view(module: cw.Recurrent) -> None:
    module.weight_hh_l0 = nn.Parameter(torch.randn(UNITS, UNITS, dtype=torch.float64).t())


@pytest.mark.parametrize("change", [transpose, replace_by_a_view])
@pytest.mark.parametrize("when", ["before", "after"])
def test_weights_with_gaps_are_read_as_they_are_meant(change: Callable[[cw.Recurrent], None], when: str) -> None:
    torch.manual_seed(0)
    module, x = cw.RNN(3, UNITS, dtype=torch.float64), torch.randn(6, 1, 3, dtype=torch.float64)
    if when == "before":
        change(module)
    stream = module.stream(1)
    streamed(stream, x)
    if when == "after":
        change(module)
    stream.reset()
    with torch.no_grad():
        assert torch.allclose(streamed(stream, x), module(x)[0], rtol=0, atol=1e-13)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda stream: pickle.loads(pickle.dumps(stream))])
def test_a_copy_goes_on_by_itself(copied: Callable[[cw.Stream], cw.Stream]) -> None:
    module, x = made(dtype=torch.float64)
    stream = module.stream(ROWS)
    streamed(stream, x[:3])
    other = copied(stream)
    expected = streamed(stream, x[3:])
    assert torch.equal(streamed(other, x[3:]), expected)


def test_what_pruning_does_before_a_call_is_done_before_a_step() -> None:
    torch.manual_seed(0)
    module, x = cw.LSTM(3, 4), torch.randn(5, 1, 3)
    prune.l1_unstructured(module, "weight_hh_l0", 0.3)
    stream = module.stream(1)
    with torch.no_grad():
        module.weight_hh_l0_orig.mul_(3)
        assert torch.allclose(streamed(stream, x), module(x)[0], atol=1e-6)
        module.weight_hh_l0_orig.mul_(0.1)
        assert torch.allclose(module.trace(x).output, module(x)[0], atol=1e-6)
    for _ in range(2):
        module.trace(x)["c"].sum().backward()


def test_hooks_before_a_call_may_change_the_input() -> None:
    module, x = cw.LSTM(3, 4), torch.randn(5, 2, 3)
    module.register_forward_pre_hook(lambda module, given: 2 * given[0])
    module.register_forward_pre_hook(lambda module, given, keywords: ((given[0] + 1,), keywords), with_kwargs=True)
    assert torch.equal(module.trace(x).output, module(x)[0])


@pytest.mark.parametrize("layers", [1, 2])
def test_an_output_may_be_the_next_input(layers: int) -> None:
    torch.manual_seed(0)
    stream, other = (cw.LSTM(512, 512, layers).eval().stream(2) for _ in range(2))
    other.module.load_state_dict(stream.module.state_dict())
    y = z = torch.randn(2, 512)
    for _ in range(20):
        y, z = stream.step(y), other.step(z.clone())
        assert torch.equal(y, z)


def test_the_state_is_what_the_layer_returns() -> None:
    for cell in ("lstm", "gru"):
        module, x = made(cell)
        _, state = module(x)
        stream = module.stream(ROWS)
        stream.state = state
        assert type(stream.state) is type(state)
        for one, other in zip(stream.state, state, strict=True):
            assert torch.equal(one, other)
        with pytest.raises(cw.InputError, match="must be tensors, not None; let new sequences begin by reset"):
            stream.state = None


def test_a_stream_of_inference_mode_can_be_reset_outside() -> None:
    module, x = made()
    with torch.inference_mode():
        stream = module.stream(ROWS)
        first = stream.step(x[0]).clone()
    stream.reset()
    assert torch.equal(stream.step(x[0]), first)
