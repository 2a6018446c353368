"""A layer by a kernel: outputs, last states, and every signal."""

from __future__ import annotations

import torch
from torch import Tensor

from .derivative import is_transformed, quickest, scan_with_derivative, under_functorch
from .layer import Layer
from .operator import Forward, scan
from .signals import signals_of


def needs_derivative(layer: Layer) -> bool:
    """Whether autograd will want to come back through the layer; a transform may."""
    return is_transformed() or (torch.is_grad_enabled() and any(tensor.requires_grad for tensor in layer.tensors))


def run(layer: Layer) -> tuple[Tensor, list[Tensor]]:
    """Outputs and last states of a layer, by the kernel of its device."""
    y, *others = called(layer, keep=needs_derivative(layer), watch=False)
    return y, others[: len(layer.cell.state)]


def watch(layer: Layer) -> tuple[Tensor, list[Tensor], dict[str, Tensor]]:
    """The same, and every signal by name."""
    y, *others = called(layer, keep=True, watch=True)
    return y, others[:-2], signals_of(layer, y, *others[-2:])


def called(layer: Layer, keep: bool, watch: bool) -> list[Tensor]:
    """The operator for a layer."""
    call = Forward.of(layer, keep, watch)
    direct = scan_with_derivative if keep else scan
    if keep and under_functorch():
        return direct(*call)
    return quickest(torch.ops.cellwright.scan.default, direct, layer.tensors)(*call)
