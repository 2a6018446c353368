"""How kernels are compared: the same call on two backends, every output and every gradient."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

import cellwright as cw

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}  # relative to the largest number of each result


def made_weights(cell: cw.Cell, inputs: int, units: int, bias: bool, dtype: torch.dtype) -> cw.Weights:
    """Weights of one direction, drawn as torch draws them."""
    bound, rows = units**-0.5, len(cell.gates) * units

    def drawn(*shape: int) -> Tensor:
        return torch.empty(shape, dtype=dtype).uniform_(-bound, bound).requires_grad_()

    biases = (drawn(rows), drawn(rows)) if bias else (None, None)
    return cw.Weights(drawn(rows, inputs), drawn(rows, units), *biases, tuple(drawn(units) for _ in cell.vectors))


def everything(
    cell: cw.Cell,
    x: Tensor,
    state: Sequence[Tensor],
    weights: Sequence[cw.Weights],
    backend: str,
    lengths: Tensor | None = None,
    reset: Tensor | None = None,
) -> dict[str, Tensor]:
    """Outputs, last states, and the gradients of a loss that weighs all of them."""
    with cw.backend(backend):
        y, last = cw.scan(cell, x, state, weights, lengths=lengths, reset=reset)
    results = dict(zip(["y", *(f"last {name}" for name in cell.state)], [y, *last], strict=True))
    generator = torch.Generator().manual_seed(1)
    cotangents = [torch.randn(each.shape, generator=generator, dtype=x.dtype).to(x.device) for each in results.values()]
    names = ["x", *(f"first {name}" for name in cell.state)]
    sources = [x, *state]
    for direction, each in enumerate(weights):
        sources += each.tensors()
        names += [f"weight {n} of direction {direction}" for n in range(len(each.tensors()))]
    reached = [n for n, each in enumerate(results.values()) if each.requires_grad]
    outputs = list(results.values())
    found = torch.autograd.grad(
        [outputs[n] for n in reached], sources, [cotangents[n] for n in reached], allow_unused=True
    )
    results |= {
        f"gradient of {name}": torch.zeros_like(source) if gradient is None else gradient
        for name, source, gradient in zip(names, sources, found, strict=True)
    }
    return {name: value.detach() for name, value in results.items()}


def assert_agree(ours: dict[str, Tensor], theirs: dict[str, Tensor], tolerance: float) -> None:
    """Every result agrees, relative to its own largest number."""
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        found = ours[name]
        assert found.shape == expected.shape, name
        if expected.numel():
            scale = max(float(expected.abs().max()), 1e-3)
            assert bool(torch.isfinite(found).all()), name
            worst = float((found - expected).abs().max()) / scale
            assert worst <= tolerance, f"{name}: {worst:.1e}"
