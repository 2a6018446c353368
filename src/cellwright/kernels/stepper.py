"""One step of a layer with everything in place: what a stream runs on."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from . import cpu, fields, native
from .given import Around
from .layer import Layer
from .memory import plan_forward
from .sharing import threads_now
from .sizes import Sizes

FEW = 8  # rows up to which packed matrices would save less than it takes to know that they have not changed


class Stepper:
    """A call of the kernel for one step that is made once and run again and again.

    It reads the weights where they lie; for more than a few rows it packs them, and packs them anew when their numbers
    have changed. The states are read and written in place.

    Args:
        layer: of one step and one direction, checked; its states are those that every step changes.
        y: room for the output `[1, B, H]`.
    """

    def __init__(self, layer: Layer, y: Tensor) -> None:
        rows, inputs, projected = layer.x.shape[1], layer.x.shape[2], layer.weights[0].p is not None
        self.kernel = cpu.kernel_of(layer.cell, layer.x.dtype, False, False, projected)
        self.learned = layer.learned
        self.threads = threads_now()
        sizes = Sizes(1, rows, inputs, layer.units, 1, layer.outputs)
        pack = rows > FEW
        plan = plan_forward(self.kernel.layout, sizes, False, pack, self.threads)
        self.call = cpu.Call(self.kernel, plan)
        self.call.append([*layer.state, *layer.state, *[None] * len(layer.state) * (fields.GROUPS - 2)])
        self.call.append_weights(layer.learned, 1, layer.weights[0].b_w is not None, [None] * len(layer.learned))
        self.call.put({fields.Y: y})
        self.noise = None if layer.noise is None else layer.noise.flatten(0, 1).contiguous()
        self.call.put_around(sizes, Around(None, None, self.noise, None))
        self.call.values[fields.DIGEST] = native.digest() if pack else 0
        self.places = places_of(layer.learned)

    def fits(self, learned: Iterable[Tensor]) -> bool:
        """Whether the weights, in their order, lie where they lay, and as many threads may work."""
        return self.threads == threads_now() and places_of(learned) == self.places

    def step(self, x: Tensor) -> None:
        """One step for x `[B, I]` without gaps."""
        values = self.call.values
        values[fields.X] = x.data_ptr()
        self.call.run(self.kernel.forward)
        values[fields.PACKED] = values[fields.FOUND]


def places_of(tensors: Iterable[Tensor]) -> list[tuple[int, int, bool]]:
    """Where tensors lie, and how."""
    return [(each.data_ptr(), each.numel(), each.is_contiguous()) for each in tensors]
