"""Whatever PyTorch makes of a layer, the kernel gives what the reference gives: each transform, and several at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
import torch.autograd.forward_ad as forward_mode
from torch import Tensor
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vmap
from torch.utils._pytree import tree_leaves

import cellwright as cw
from cellwright.kernels import cpu
from tests.agreement import assert_agree

# PyTorch itself goes through its own deprecated compiler when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")

Parameters = Mapping[str, Tensor]
LENGTHS, RESET = torch.tensor([2, 0, 3]), torch.tensor([[0, 0, 1], [1, 0, 0], [0, 1, 1]]).bool()


class Given:
    """A layer, its parameters, and an input `[3, 3, 2]`."""

    def __init__(self, cell: str) -> None:
        torch.manual_seed(0)
        self.layer = cw.Recurrent(cell, 2, 3, num_layers=2, bidirectional=True).double()
        self.x = torch.randn(3, 3, 2).double()
        self.parameters = {name: each.detach() for name, each in self.layer.named_parameters()}
        self.several = {name: torch.stack([each, 2 * each]) for name, each in self.parameters.items()}

    def run(self, parameters: Parameters, x: Tensor, **options: Any) -> Tensor:
        return functional_call(self.layer, dict(parameters), (x,), options)[0]

    def loss(self, parameters: Parameters, x: Tensor, **options: Any) -> Tensor:
        return self.run(parameters, x, **options).square().sum()

    def of_sample(self, parameters: Parameters, row: Tensor) -> Tensor:
        return self.loss(parameters, row[:, None])


def in_forward_mode(given: Given) -> Tensor:
    with forward_mode.dual_level():
        y, _ = given.layer(forward_mode.make_dual(given.x, given.x.cos()))
        return forward_mode.unpack_dual(y).tangent


def penalty(given: Given) -> tuple[Tensor, ...]:
    """A loss on the gradient: of the input and all parameters."""
    x = given.x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(given.layer(x)[0].square().sum(), x, create_graph=True)
    return torch.autograd.grad(slope.norm(), [x, *given.layer.parameters()])


def watched_penalty(given: Given) -> tuple[Tensor, ...]:
    """The same through every signal of a trace."""
    x = given.x.clone().requires_grad_()
    trace = given.layer.trace(x, reset=RESET)
    (slope,) = torch.autograd.grad(sum(each.pow(3).sum() for each in trace.values()), x, create_graph=True)
    return torch.autograd.grad(slope.square().sum(), [x, *given.layer.parameters()])


def products_with_the_hessian(given: Given) -> Any:
    step = {name: each.sin() for name, each in given.parameters.items()}
    return jvp(grad(lambda p: given.loss(p, given.x)), (given.parameters,), (step,))


def norms_of_samples(given: Given) -> Any:
    """The gradient of the norms of the gradients of single samples."""

    def norms(parameters: Parameters) -> Tensor:
        found = vmap(grad(given.of_sample), in_dims=(None, 1))(parameters, given.x)
        return sum(each.flatten(1).norm(dim=1).sum() for each in found.values())

    return grad(norms)(given.parameters)


def lengths_of_samples(given: Given) -> Any:
    """How long the gradients of single samples are, holding two of them at a time."""

    def length(row: Tensor) -> Tensor:
        return torch.stack([each.norm() for each in grad(given.of_sample)(given.parameters, row).values()]).norm()

    return vmap(length, in_dims=1, chunk_size=2)(given.x)


FIRST: dict[str, Callable[[Given], Any]] = {
    "grad": lambda g: grad(g.loss)(g.parameters, g.x),
    "vmap over data": lambda g: vmap(lambda x: g.run(g.parameters, x))(torch.stack([g.x, -g.x])),
    "vmap over data with lengths": lambda g: vmap(lambda x: g.run(g.parameters, x, lengths=LENGTHS))(
        torch.stack([g.x, -g.x])
    ),
    "ensemble": lambda g: vmap(lambda p: g.run(p, g.x))(g.several),
    "gradients of an ensemble": lambda g: grad(lambda p: vmap(lambda q: g.loss(q, g.x))(p).sum())(g.several),
    "samples": lambda g: vmap(grad(g.of_sample), in_dims=(None, 1))(g.parameters, g.x),
    "samples of an ensemble": lambda g: vmap(vmap(grad(g.of_sample), in_dims=(None, 1)), in_dims=(0, None))(
        g.several, g.x
    ),
    "lengths of samples": lengths_of_samples,
    "jacrev": lambda g: jacrev(lambda x: g.run(g.parameters, x)[-1])(g.x),
    "jacrev with lengths": lambda g: jacrev(lambda x: g.run(g.parameters, x, lengths=LENGTHS)[-1])(g.x),
}
SECOND: dict[str, Callable[[Given], Any]] = {
    "jvp": lambda g: jvp(lambda x: g.run(g.parameters, x), (g.x,), (g.x.cos(),)),
    "forward mode": in_forward_mode,
    "forward over forward mode": lambda g: jvp(
        lambda x: jvp(lambda y: g.run(g.parameters, y), (x,), (g.x.cos(),)), (g.x,), (g.x,)
    ),
    "gradient in forward over forward mode": lambda g: jvp(
        lambda x: jvp(grad(lambda y: g.loss(g.parameters, y)), (x,), (g.x.cos(),)), (g.x,), (g.x,)
    ),
    "jacfwd": lambda g: jacfwd(lambda x: g.run(g.parameters, x, reset=RESET)[-1])(g.x),
    "penalty": penalty,
    "penalty through signals": watched_penalty,
    "hessian": lambda g: hessian(lambda x: g.loss(g.parameters, x, lengths=LENGTHS, reset=RESET))(g.x),
    "hessian of one sample": lambda g: hessian(lambda x: g.loss(g.parameters, x))(g.x[:, :1]),
    "jacrev twice": lambda g: jacrev(jacrev(lambda x: g.loss(g.parameters, x)))(g.x),
    "hessian-vector product": products_with_the_hessian,
    "hessians of samples": lambda g: vmap(hessian(lambda row: g.of_sample(g.parameters, row)), in_dims=1)(g.x),
    "norms of samples": norms_of_samples,
}


def assert_as_the_reference(function: Callable[[Given], Any], cell: str) -> None:
    given = Given(cell)
    with cw.backend("cpu"):
        ours = tree_leaves(function(given))
    with cw.backend("reference"):
        theirs = tree_leaves(function(given))
    assert max(float(each.detach().abs().max()) for each in theirs) > 1e-3
    assert_agree(
        {f"result {n}": each.detach() for n, each in enumerate(ours)},
        {f"result {n}": each.detach() for n, each in enumerate(theirs)},
        1e-10,
    )


@pytest.mark.parametrize("cell", ["lstm", "gru", "peephole"])
@pytest.mark.parametrize("name", FIRST)
def test_first_derivatives_and_vmap(name: str, cell: str) -> None:
    assert_as_the_reference(FIRST[name], cell)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("name", SECOND)
def test_forward_mode_and_second_derivatives(name: str, cell: str) -> None:
    assert_as_the_reference(SECOND[name], cell)


def test_a_learned_vector_moves_too() -> None:
    assert_as_the_reference(products_with_the_hessian, "ltm_stm")


def test_a_third_derivative() -> None:
    def thrice(given: Given) -> Tensor:
        def once(x: Tensor) -> Tensor:
            return given.loss(given.parameters, x)

        return grad(lambda x: grad(lambda x: grad(once)(x).square().sum())(x).square().sum())(given.x)

    assert_as_the_reference(thrice, "rnn")


@pytest.mark.parametrize("cell", ["rnn", "forget_only"])
def test_a_third_derivative_through_signals(cell: str) -> None:
    def thrice(given: Given) -> Tensor:
        x = given.x.clone().requires_grad_()
        trace = given.layer.trace(x)
        found = sum(each.pow(3).sum() for each in trace.values()) + trace.output.square().sum()
        for _ in range(3):
            (slope,) = torch.autograd.grad(found, x, create_graph=True)
            found = slope.square().sum()
        return slope

    assert_as_the_reference(thrice, cell)


def test_vmap_equals_a_loop() -> None:
    given = Given("lstm")
    found = FIRST["ensemble"](given)
    for n, each in enumerate(found):
        alone = {name: values[n] for name, values in given.several.items()}
        assert torch.equal(each, given.run(alone, given.x))


def test_vmap_over_lengths_and_resets_equals_a_loop() -> None:
    given = Given("lstm")
    lengths, resets = torch.stack([LENGTHS, 3 - LENGTHS]), torch.stack([RESET, ~RESET])
    found = vmap(lambda n, r: given.run(given.parameters, given.x, lengths=n, reset=r))(lengths, resets)
    for each, n, r in zip(found, lengths, resets, strict=True):
        assert torch.equal(each, given.run(given.parameters, given.x, lengths=n, reset=r))


def test_samples_do_not_mix() -> None:
    given = Given("lstm")
    for row, found in zip(given.x.unbind(1), zip(*FIRST["samples"](given).values(), strict=True), strict=True):
        alone = torch.autograd.grad(given.layer(row[:, None])[0].square().sum(), list(given.layer.parameters()))
        for one, other in zip(found, alone, strict=True):
            assert torch.allclose(one, other, rtol=1e-10, atol=1e-12)


def test_a_slope_equals_a_difference() -> None:
    given, step = Given("lstm"), 1e-6
    _, slope = jvp(lambda x: given.run(given.parameters, x), (given.x,), (given.x.cos(),))
    ahead, behind = (given.run(given.parameters, given.x + sign * step * given.x.cos()) for sign in (1, -1))
    assert torch.allclose(slope, (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-8)


def test_explain_names_the_kernel_within_a_transform() -> None:
    given, seen = Given("lstm"), []

    def explained(x: Tensor) -> Tensor:
        seen.append(cw.explain(given.layer, x))
        return given.layer(x)[0].sum()

    grad(explained)(given.x)
    assert seen[0].startswith("cpu: ")


def test_a_trace_within_a_transform_is_the_reference_s() -> None:
    given = Given("lstm")

    def of_forget_gates(x: Tensor) -> Tensor:
        return given.layer.trace(x)["f"].sum()

    found = grad(of_forget_gates)(given.x)
    x = given.x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(of_forget_gates(x), x)
    assert torch.allclose(found, expected, rtol=1e-10, atol=1e-12)
    with cw.backend("cpu"), pytest.raises(cw.InputError, match="transform"):
        grad(of_forget_gates)(given.x)


@pytest.mark.parametrize("lengths", [None, [4, 1, 3]])
def test_many_gradients_at_once_equal_a_loop(lengths: list[int] | None) -> None:
    layer, x = cw.LSTM(3, 4, num_layers=2).double(), torch.randn(4, 3, 3, dtype=torch.float64, requires_grad=True)
    sources = [x, *layer.parameters()]
    outputs, _ = layer(x, lengths=None if lengths is None else torch.tensor(lengths))
    directions = torch.randn(5, *outputs.shape, dtype=torch.float64)
    found = torch.autograd.grad(outputs, sources, directions, is_grads_batched=True, retain_graph=True)
    each = [torch.autograd.grad(outputs, sources, direction, retain_graph=True) for direction in directions]
    for one, several in zip(found, zip(*each, strict=True), strict=True):
        assert torch.allclose(one, torch.stack(several), rtol=1e-12, atol=1e-13)


def test_forward_mode_needs_no_gradients() -> None:
    given = Given("lstm")
    expected = in_forward_mode(given)
    with torch.no_grad():
        assert torch.equal(in_forward_mode(given), expected)
    given.layer.requires_grad_(False)
    assert torch.equal(in_forward_mode(given), expected)


def test_forward_mode_may_be_the_first_that_is_asked_of_a_cell() -> None:
    program = """
import torch, torch.autograd.forward_ad as forward_mode, cellwright as cw
layer, x = cw.LSTM(2, 3), torch.ones(4, 1, 2)
with forward_mode.dual_level():
    found = forward_mode.unpack_dual(layer(forward_mode.make_dual(x, x))[0]).tangent
expected = torch.func.jvp(lambda x: layer(x)[0], (x,), (x,))[1]
assert torch.allclose(found, expected)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr


NOISY: dict[str, dict[str, Any]] = {
    "dropout": {"dropout": 0.4}, "locked_dropout": {"dropout": 0.4, "locked_dropout": True},
    "zoneout": {"zoneout": 0.3},
    "recurrent_dropout": {"recurrent_dropout": 0.3}, "candidate_dropout": {"candidate_dropout": 0.3},
    "weight_dropout": {"weight_dropout": 0.3}, "cell_clip": {"cell_clip": 0.2},
}  # fmt: skip


@pytest.mark.parametrize("options", NOISY.values(), ids=list(NOISY))
def test_masks_are_drawn_within_transforms_as_without(options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    layer, x = cw.LSTM(2, 3, num_layers=2, **options).double(), torch.randn(4, 3, 2).double()

    def loss(x: Tensor) -> Tensor:
        torch.manual_seed(3)
        return layer(x)[0].square().sum()

    for backend in ("cpu", "reference"):
        with cw.backend(backend):
            seen = x.clone().requires_grad_()
            (expected,) = torch.autograd.grad(loss(seen), seen)
            assert torch.allclose(grad(loss)(x), expected)
            assert torch.allclose(jvp(loss, (x,), (x,))[1], (expected * x).sum())
            curved = jacfwd(grad(loss), randomness="same")(x)
            step = 1e-6 * torch.randn_like(x)
            difference = grad(loss)(x + step) - grad(loss)(x - step)
            assert torch.allclose(2 * torch.tensordot(curved, step, 3), difference, atol=1e-10)
    many = vmap(lambda x: layer(x)[0], randomness="same")(torch.stack([x, x]))
    assert torch.equal(many[0], many[1])


def test_masks_of_their_own_for_each_sample_are_refused() -> None:
    layer, xs = cw.LSTM(2, 3, zoneout=0.1), torch.randn(5, 4, 1, 2)
    with pytest.raises(cw.InputError, match="masks are drawn once for all that vmap maps over"):
        vmap(lambda x: layer(x)[0], randomness="different")(xs)


def test_lengths_of_gradients_hold_some_of_them_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    real, held = cpu.backward, []

    def seen(*arguments: Any) -> Any:
        held.append(arguments[-1])
        return real(*arguments)

    monkeypatch.setattr(cpu, "backward", seen)
    lengths_of_samples(Given("lstm"))
    assert sorted(held) == [1, 1, 2, 2]  # of two layers
