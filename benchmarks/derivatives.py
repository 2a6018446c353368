"""Derivatives beyond the plain one: gradients of single samples, penalties, forward mode, ensembles."""

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp, stack_module_state, vmap

import cellwright

from .family import SHAPE, Race, on_reference
from .timing import Call, best_times

MEMBERS = 4


def measure_derivatives(budget: float) -> list[Race]:
    """Each beside what one does without a kernel for it."""
    return [samples(budget), penalty(budget), forward_mode(budget), ensemble(budget)]


def drawn() -> Tensor:
    """An input."""
    return torch.randn(SHAPE.steps, SHAPE.batch, SHAPE.inputs)


def samples(budget: float) -> Race:
    """The gradient of every sample by itself, against a loop over the steps that adds up outer products."""
    lstm, x = cellwright.LSTM(SHAPE.inputs, SHAPE.hidden), drawn()
    parameters = {name: each.detach() for name, each in lstm.named_parameters()}

    def loss(own: dict[str, Tensor], row: Tensor) -> Tensor:
        return functional_call(lstm, own, (row[:, None],))[0].square().sum()

    each = vmap(grad(loss), in_dims=(None, 1))
    calls: dict[str, Call] = {"samples": lambda: each(parameters, x), "loop": lambda: looped_samples(lstm, x)}
    return Race("gradients of single samples", best_times(calls, budget))


def looped_samples(lstm: nn.Module, x: Tensor) -> list[Tensor]:
    """As libraries for differential privacy do it: step by step in Python, gradients of samples from each step."""
    w, r, b_w, b_r = lstm.parameters()
    h = c = x.new_zeros(x.shape[1], r.shape[1])
    entered, contributions, outputs = [], [], []
    for step in x:
        entered.append(h)
        z = nn.functional.linear(step, w, b_w) + nn.functional.linear(h, r, b_r)
        i, f, g, o = z.chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        contributions.append(z)
        outputs.append(h)
    d_z = torch.autograd.grad(torch.stack(outputs).square().sum(), contributions)
    d_w, d_r, d_b = (x.new_zeros(x.shape[1], *shape) for shape in (w.shape, r.shape, b_w.shape))
    for each, step, before in zip(d_z, x, entered, strict=True):
        d_w += torch.einsum("bg,bi->bgi", each, step)
        d_r += torch.einsum("bg,bh->bgh", each, before)
        d_b += each
    return [d_w, d_r, d_b, d_b]


def penalty(budget: float) -> Race:
    """A loss on the length of the gradient with respect to the input."""
    lstm, x = cellwright.LSTM(SHAPE.inputs, SHAPE.hidden), drawn().requires_grad_()

    def run() -> object:
        (slope,) = torch.autograd.grad(lstm(x)[0].sum(), x, create_graph=True)
        return torch.autograd.grad(slope.norm(), list(lstm.parameters()))

    return Race("gradient penalty", best_times({"penalty": run, "loop": on_reference(run)}, budget))


def forward_mode(budget: float) -> Race:
    """The derivative in one direction."""
    lstm, x = cellwright.LSTM(SHAPE.inputs, SHAPE.hidden).requires_grad_(False), drawn()
    step = torch.ones_like(x)

    def run() -> object:
        return jvp(lambda x: lstm(x)[0], (x,), (step,))

    return Race("forward mode", best_times({"jvp": run, "loop": on_reference(run)}, budget))


def ensemble(budget: float) -> Race:
    """Several sets of weights on one input, under `vmap`."""
    members: list[nn.Module] = [cellwright.LSTM(SHAPE.inputs, SHAPE.hidden) for _ in range(MEMBERS)]
    parameters, _ = stack_module_state(members)
    x = drawn()

    def run() -> object:
        with torch.no_grad():
            return vmap(lambda own: functional_call(members[0], own, (x,))[0])(parameters)

    def one_by_one() -> object:
        with torch.no_grad():
            return [member(x)[0] for member in members]

    calls = {"vmap": run, "one by one": one_by_one, "loop": on_reference(run)}
    return Race(f"ensemble of {MEMBERS}", best_times(calls, budget))
