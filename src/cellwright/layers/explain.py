"""What runs a layer and why, and whether it is right on this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from ..kernels import plan
from .arrangement import arranged
from .recurrent import Recurrent


def explain(module: Recurrent, x: Tensor | PackedSequence) -> str:
    """Which backend runs `module(x)`, why not a faster one, and on how many threads.

    Args:
        module: a layer of this library.
        x: an input as the module takes it.

    >>> import torch, cellwright as cw
    >>> print(cw.explain(cw.LSTM(3, 4).double(), torch.zeros(2, 1, 3).double()).split(":")[0])
    cpu
    """
    if isinstance(x, PackedSequence):
        sequences = module.packed(x, None)
    else:
        _, sequences = arranged(module, x, None, None, None, None)
    choices = []
    for number in range(module.num_layers):
        choices.append(plan.choose(module.layer(number, sequences)))
        width = module.directions * module.output_size
        sequences = sequences._replace(x=sequences.x.new_empty(*sequences.x.shape[:-1], width))
    told = "; ".join(dict.fromkeys(map(str, choices)))
    return f"{told}; {plan.threads_note()}" if any(each.backend == "cpu" for each in choices) else told


def verify(module: Recurrent, x: Tensor | PackedSequence, **options: Any) -> float:
    """The largest difference between `module(x)` on its backend and on the reference, on this machine.

    Outputs, last states and the gradients of the input and of every parameter are compared, each relative to
    its own largest number. The loss is the sum of all outputs and states, weighted by fixed pseudo-random
    numbers. Both calls draw the same masks.

    Args:
        module: a layer of this library; its parameters and their gradients stay as they are.
        x: an input as the module takes it.
        options: `hx=`, `lengths=`, `reset=`, `reset_state=`.

    >>> import torch, cellwright as cw
    >>> cw.verify(cw.LSTM(3, 4), torch.randn(5, 2, 3)) < 1e-5
    True
    """
    with torch.random.fork_rng(devices=[]):
        ours = everything(lambda given: module(given, **options), module, x)
    with torch.random.fork_rng(devices=[]), plan.backend("reference"):
        reference = everything(lambda given: module(given, **options), module, x)
    differences = [relative_difference(one, other) for one, other in zip(ours, reference, strict=True)]
    return float(torch.tensor(differences).max())  # which is NaN if one of them is


@torch.enable_grad()
def everything(call: Callable[[Any], Any], module: Recurrent, given: Tensor | PackedSequence) -> list[Tensor]:
    """Outputs, last states and all gradients."""
    if isinstance(given, PackedSequence):
        x = given.data.detach().requires_grad_()
        packed, state = call(given._replace(data=x))
        outputs = packed.data
    else:
        x = given.detach().requires_grad_()
        outputs, state = call(x)
    results = [outputs, *([state] if isinstance(state, Tensor) else state)]
    generator = torch.Generator().manual_seed(0)
    weights = [torch.randn(each.shape, generator=generator, dtype=each.dtype).to(each.device) for each in results]
    learned = [each for each in module.parameters() if each.requires_grad]
    loss = sum(((each * weight).sum() for each, weight in zip(results, weights, strict=True)), x.sum() * 0)
    gradients = torch.autograd.grad(loss, [x, *learned], allow_unused=True)
    sources = [x, *learned]
    found = [torch.zeros_like(at) if each is None else each for at, each in zip(sources, gradients, strict=True)]
    return [each.detach() for each in (*results, *found)]


def relative_difference(one: Tensor, other: Tensor) -> float:
    """The largest difference, relative to the largest number."""
    if one.numel() == 0:
        return 0.0
    scale = float(other.abs().max())
    return float((one - other).abs().max()) / (scale or 1.0)
