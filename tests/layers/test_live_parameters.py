"""The named parameters are the only truth, read at every call: whatever changes them is seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils import parametrizations, parametrize, prune

import cellwright as cw
from tests.agreement import TOLERANCE, assert_agree
from tests.layers.pairs import INPUTS, UNITS, everything, pair


def same_as_the_reference(layer: cw.Recurrent, x: Tensor) -> Tensor:
    """The output, which must be that of the reference."""
    found, _ = layer(x)
    with cw.backend("reference"):
        expected, _ = layer(x)
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-6)
    return found.detach()


def scaled(parameter: Tensor) -> None:
    parameter.data.mul_(-0.5)


def one_number(parameter: Tensor) -> None:
    parameter.data.view(-1)[-1] += 1.0


def exchanged(parameter: Tensor) -> None:
    parameter.data = parameter.data + 0.25


def swapped(parameter: Tensor) -> None:
    parameter.data.copy_(parameter.data.flip(0))


def without_gradient(parameter: Tensor) -> None:
    with torch.no_grad():
        parameter.sub_(0.25)


def through_numpy(parameter: Tensor) -> None:
    parameter.detach().numpy()[...] *= -0.5


CHANGES: list[Callable[[Tensor], None]] = [
    scaled,
    one_number,
    exchanged,
    swapped,
    without_gradient,
    through_numpy,
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"])
@pytest.mark.parametrize("steps", [1, 6, 60])
def test_changes_between_calls_are_seen(steps: int, name: str, change: Callable[[Tensor], None]) -> None:
    torch.manual_seed(0)
    lstm, x = cw.LSTM(INPUTS, UNITS), torch.randn(steps, 1, INPUTS)
    state = (torch.randn(1, 1, UNITS), torch.randn(1, 1, UNITS))
    with torch.no_grad():
        before = [lstm(x, state)[0] for _ in range(3)]
        assert torch.equal(before[0], before[2])
        change(lstm.get_parameter(name))
        found = [lstm(x, state)[0] for _ in range(3)]
        with cw.backend("reference"):
            expected, _ = lstm(x, state)
    assert not torch.equal(found[0], before[0])
    for each in found:
        assert torch.allclose(each, expected, rtol=1e-5, atol=1e-6)


def test_changes_back_and_forth_are_seen() -> None:
    torch.manual_seed(0)
    lstm, x = cw.LSTM(INPUTS, UNITS), torch.randn(1, 1, INPUTS)
    with torch.no_grad():
        values = [torch.randn_like(lstm.weight_ih_l0) for _ in range(40)]
        first = []
        for value in values:
            lstm.weight_ih_l0.copy_(value)
            first.append(lstm(x)[0])
        for value, expected in zip(values, first, strict=True):
            lstm.weight_ih_l0.copy_(value)
            assert torch.equal(lstm(x)[0], expected)
    assert len({each.sum().item() for each in first}) == len(first)


def test_the_sign_of_zero_and_nan_count_as_changes() -> None:
    lstm, x = cw.LSTM(INPUTS, UNITS), torch.ones(1, 1, INPUTS)
    with torch.no_grad():
        assert not lstm(x)[0].isnan().any()
        lstm.weight_ih_l0[0, 0] = torch.nan
        assert lstm(x)[0].isnan().sum() == 1
        lstm.weight_ih_l0[0, 0] = 0.0
        assert not lstm(x)[0].isnan().any()


@pytest.mark.parametrize("steps", [1, 6])
def test_an_optimiser_step_is_seen(steps: int) -> None:
    torch.manual_seed(0)
    lstm, x = cw.LSTM(INPUTS, UNITS, num_layers=2), torch.randn(steps, 2, INPUTS)
    optimiser, losses = torch.optim.Adam(lstm.parameters(), lr=0.05), []
    for _ in range(30):
        loss = (lstm(x)[0] - 0.5).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
    same_as_the_reference(lstm, x)


def test_functional_call_takes_other_parameters() -> None:
    _, ours = pair("lstm", num_layers=2, bidirectional=True)
    x = torch.randn(6, 3, INPUTS).double()
    others = {name: torch.randn_like(each).requires_grad_() for name, each in ours.named_parameters()}
    found = functional_call(ours, others, (x,))[0]
    gradients = torch.autograd.grad(found.sum(), list(others.values()))
    assert all(bool(each.any()) for each in gradients)
    before, _ = ours(x)
    ours.load_state_dict({name: each.detach() for name, each in others.items()})
    assert torch.equal(ours(x)[0], found)
    assert not torch.equal(before, found)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("weight_ih_l0", torch.zeros(4 * UNITS, INPUTS - 1)),
        ("weight_hh_l0", torch.zeros(3 * UNITS, UNITS)),
        ("bias_hh_l0", torch.zeros(UNITS)),
        ("weight_hh_l0", torch.zeros(4 * UNITS, UNITS).double()),
        ("weight_ih_l0", torch.zeros(4 * UNITS, INPUTS).half()),
        ("bias_ih_l0", torch.zeros(4 * UNITS, device="meta")),
    ],
    ids=["inputs", "gates", "bias", "dtype", "another dtype", "device"],
)
def test_parameters_that_do_not_fit_never_reach_the_kernel(
    name: str, wrong: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    lstm, x = cw.LSTM(INPUTS, UNITS), torch.zeros(2, 3, INPUTS)
    monkeypatch.setattr("cellwright.kernels.cpu.forward", lambda *_: pytest.fail("it reached the kernel"))
    with pytest.raises(cw.InputError, match=r"weights|parameters"):
        functional_call(lstm, {name: wrong}, (x,))


def test_tied_weights_collect_both_gradients() -> None:
    theirs, ours = pair("lstm", num_layers=3)
    for layer in (theirs, ours):
        layer.weight_hh_l2 = layer.weight_hh_l1
        layer.weight_ih_l2 = layer.weight_ih_l1
    x = torch.randn(6, 3, INPUTS).double().requires_grad_()
    found = everything(ours, x)
    assert "gradient of weight_hh_l1" in found
    assert "gradient of weight_hh_l2" not in found
    assert_agree(found, everything(theirs, x), TOLERANCE[torch.float64])


def test_weights_shared_with_another_module() -> None:
    ours, head = cw.RNN(INPUTS, UNITS), nn.Linear(UNITS, UNITS, bias=False)
    head.weight = ours.weight_hh_l0
    x = torch.randn(6, 3, INPUTS)
    head(ours(x)[0]).sum().backward()
    together = ours.weight_hh_l0.grad.clone()
    ours.zero_grad()
    nn.functional.linear(ours(x)[0], head.weight.detach()).sum().backward()
    assert not torch.equal(ours.weight_hh_l0.grad, together)


def test_weight_norm() -> None:
    _, plain = pair("lstm", num_layers=2)
    _, normed = pair("lstm", num_layers=2)
    parametrizations.weight_norm(normed, "weight_hh_l0", dim=0)
    x = torch.randn(6, 3, INPUTS).double()
    assert torch.allclose(normed(x)[0], plain(x)[0], rtol=1e-10, atol=1e-12)
    with torch.no_grad():
        normed.parametrizations.weight_hh_l0.original0.mul_(0.5)
        plain.weight_hh_l0.mul_(0.5)
    assert torch.allclose(normed(x)[0], plain(x)[0], rtol=1e-10, atol=1e-12)
    normed(x)[0].square().sum().backward()
    direction = normed.parametrizations.weight_hh_l0.original1
    along = (direction.grad * direction.detach()).sum(1)  # a direction's length has no effect
    assert float(along.abs().max()) < 1e-12
    assert bool(direction.grad.any())


def test_spectral_norm() -> None:
    torch.manual_seed(0)
    _, normed = pair("lstm")
    parametrizations.spectral_norm(normed, "weight_hh_l0", n_power_iterations=50)
    normed.eval()
    assert float(torch.linalg.matrix_norm(normed.weight_hh_l0.detach(), 2)) == pytest.approx(1.0, rel=1e-6)
    _, plain = pair("lstm")
    with torch.no_grad():
        plain.weight_hh_l0.copy_(normed.weight_hh_l0)
    x = torch.randn(6, 3, INPUTS).double()
    assert torch.equal(normed(x)[0], plain(x)[0])
    normed(x)[0].sum().backward()
    original = normed.parametrizations.weight_hh_l0.original
    assert abs(float((original.grad * original.detach()).sum())) < 1e-9  # its size has no effect


def test_a_parametrisation_of_ones_own() -> None:
    class Doubled(nn.Module):
        def forward(self, weight: Tensor) -> Tensor:
            return 2 * weight

    _, plain = pair("gru")
    _, doubled = pair("gru")
    parametrize.register_parametrization(doubled, "weight_ih_l0", Doubled())
    parametrize.register_parametrization(doubled, "bias_hh_l0", Doubled())
    with torch.no_grad():
        plain.weight_ih_l0.mul_(2)
        plain.bias_hh_l0.mul_(2)
    x = torch.randn(6, 3, INPUTS).double()
    assert torch.equal(doubled(x)[0], plain(x)[0])
    for layer in (plain, doubled):
        layer(x)[0].sum().backward()
    found = doubled.parametrizations.weight_ih_l0.original.grad
    assert torch.allclose(found, 2 * plain.weight_ih_l0.grad, rtol=1e-12)


def test_pruned_weights() -> None:
    _, ours = pair("lstm")
    prune.l1_unstructured(ours, "weight_hh_l0", amount=0.5)
    x = torch.randn(6, 3, INPUTS).double()
    y, _ = ours(x)
    y.sum().backward()
    dropped = ours.weight_hh_l0_mask == 0
    assert int(dropped.sum()) == dropped.numel() // 2
    assert not ours.weight_hh_l0_orig.grad[dropped].any()
    with torch.no_grad():
        ours.weight_hh_l0_orig[dropped] = 100.0
    assert torch.equal(ours(x)[0], y)


@pytest.mark.parametrize("frozen", ["weight_ih_l0", "weight_hh_l1", "bias_hh_l0"])
def test_frozen_parameters_have_no_gradient_and_change_no_other(frozen: str) -> None:
    _, ours = pair("lstm", num_layers=2)
    x = torch.randn(6, 3, INPUTS).double().requires_grad_()
    expected = everything(ours, x)
    ours.get_parameter(frozen).requires_grad_(False)
    ours(x)[0].sum().backward()
    assert {name for name, each in ours.named_parameters() if each.grad is None} == {frozen}
    ours.get_parameter(frozen).requires_grad_()
    found = everything(ours, x)
    assert all(torch.equal(found[name], each) for name, each in expected.items())


def test_all_parameters_frozen_leaves_the_gradient_of_the_input() -> None:
    _, ours = pair("gru", num_layers=2)
    x = torch.randn(6, 3, INPUTS).double().requires_grad_()
    (expected,) = torch.autograd.grad(ours(x)[0].sum(), x)
    ours.requires_grad_(False)
    (found,) = torch.autograd.grad(ours(x)[0].sum(), x)
    assert torch.equal(found, expected)
    assert not ours(x.detach())[0].requires_grad


def test_gradients_accumulate() -> None:
    _, ours = pair("lstm")
    x = torch.randn(6, 3, INPUTS).double()
    ours(x)[0].sum().backward()
    once = ours.weight_hh_l0.grad.clone()
    ours(x)[0].sum().backward()
    assert torch.allclose(ours.weight_hh_l0.grad, 2 * once, rtol=1e-12)


def half_of_a_batch(rank: int, folder: Path) -> None:
    """What one of two processes does: its half of the rows, and the gradients that both agree on."""
    _, ours = pair("lstm", num_layers=2)
    torch.manual_seed(7)
    x = torch.randn(6, 4, INPUTS).double()
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    try:
        wrapped = nn.parallel.DistributedDataParallel(ours)
        wrapped(x[:, 2 * rank : 2 * rank + 2])[0].sum().backward()
    finally:
        torch.distributed.destroy_process_group()
    torch.save({name: each.grad for name, each in ours.named_parameters()}, folder / f"{rank}.pt")


def test_two_processes_have_the_gradients_of_one(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(half_of_a_batch, (tmp_path,), nprocs=2)
    _, plain = pair("lstm", num_layers=2)
    torch.manual_seed(7)
    plain(torch.randn(6, 4, INPUTS).double())[0].sum().backward()
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt")
        for name, each in plain.named_parameters():
            assert torch.allclose(2 * found[name], each.grad, rtol=1e-12), name
