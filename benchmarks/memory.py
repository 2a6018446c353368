"""What a forward pass holds until backward: the bytes of every saved tensor, counted once per storage."""

from dataclasses import dataclass

import torch
from torch.autograd.graph import saved_tensors_hooks

import cellwright

BATCH, INPUTS, HIDDEN = 4, 16, 64
STEPS = (50, 100)


@dataclass(frozen=True)
class Held:
    """Numbers per step, row and hidden unit: what grows with T, and the gates and states alone."""

    cell: str
    numbers: float
    gates_and_states: int


def measure_held() -> list[Held]:
    """Every cell that the library brings."""
    return [Held(name, held_by(name), len(cell.gates) + len(cell.state)) for name, cell in cellwright.cells.items()]


def held_by(name: str) -> float:
    """The growth from fewer steps to more, so that weights and all else of a constant size drop out."""
    fewer, more = (held_bytes(name, steps) for steps in STEPS)
    return (more - fewer) / ((STEPS[1] - STEPS[0]) * BATCH * HIDDEN * torch.float32.itemsize)


def held_bytes(name: str, steps: int) -> int:
    """Bytes that one forward pass saves, without the input itself."""
    layer = cellwright.Recurrent(name, INPUTS, HIDDEN)
    x = torch.randn(steps, BATCH, INPUTS, requires_grad=True)
    storages: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        result = layer(x)
    storages.pop(x.untyped_storage().data_ptr(), None)
    del result
    return sum(storages.values())
