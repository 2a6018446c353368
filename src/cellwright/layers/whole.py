"""A module whose layers PyTorch has: on a GPU they run in one call, past everything that only others need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from ..kernels import plan, theirs
from ..kernels.autocast import autocast_dtype
from ..kernels.check import check_kinds
from ..kernels.layer import Layer
from .arrangement import State, check_input, first_state, given_back

if TYPE_CHECKING:
    from .recurrent import Recurrent


def is_whole(module: Recurrent, x: Tensor) -> bool:
    """Whether the plan gives every layer of a module to PyTorch, and nothing happens between them."""
    if module.regularised or module.proj_size or (module.training and module.dropout) or x.dim() != 3:
        return False
    rows = x.shape[0 if module.batch_first else 1]
    is_theirs = plan.is_theirs(module.cell.key, x.dtype, rows, module.hidden_size)
    return is_theirs and autocast_dtype(x.device.type) is None


def run_whole(module: Recurrent, x: Tensor, state: State | None) -> tuple[Tensor, State]:
    """What the call of such a module gives.

    Raises:
        InputError: a shape, dtype or device does not fit.
    """
    check_input(module, x)
    first = first_state(module, state, x, x.shape[0 if module.batch_first else 1], single=False)
    layers = [module.weights(number) for number in range(module.num_layers)]
    for weights in layers:
        layer = Layer(module.cell, x, first, weights)
        if any(tensor.dtype != x.dtype for tensor in layer.tensors):
            check_kinds(layer)
    y, last = theirs.run_stack(module.cell, x, first, layers, module.batch_first)
    return y, given_back(module, last)
