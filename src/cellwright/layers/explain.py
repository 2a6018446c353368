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
    choice = plan.choose(module.layer(0, sequences))
    return f"{choice}; {plan.threads_note()}" if choice.backend == "cpu" else str(choice)


def verify(module: Recurrent, x: Tensor, **options: Any) -> float:
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
    return max(relative_difference(one, other) for one, other in zip(ours, reference, strict=True))


def everything(call: Callable[[Tensor], Any], module: Recurrent, x: Tensor) -> list[Tensor]:
    """Outputs, last states and all gradients."""
    x = x.detach().requires_grad_()
    outputs, state = call(x)
    results = [outputs, *([state] if isinstance(state, Tensor) else state)]
    generator = torch.Generator().manual_seed(0)
    weights = [torch.randn(each.shape, generator=generator, dtype=each.dtype).to(each.device) for each in results]
    learned = [each for each in module.parameters() if each.requires_grad]
    gradients = torch.autograd.grad(results, [x, *learned], weights, allow_unused=True)
    sources = [x, *learned]
    found = [torch.zeros_like(at) if each is None else each for at, each in zip(sources, gradients, strict=True)]
    return [each.detach() for each in (*results, *found)]


def relative_difference(one: Tensor, other: Tensor) -> float:
    """The largest difference, relative to the largest number."""
    if one.numel() == 0:
        return 0.0
    scale = float(other.abs().max())
    return float((one - other).abs().max()) / (scale or 1.0)
