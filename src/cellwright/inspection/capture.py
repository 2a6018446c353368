"""Capture: what the recurrent layers of a model do while it runs, whoever wrote the model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ..errors import InputError, nearest
from ..layers import Recurrent
from .inspection import Inspection
from .readout import Reading
from .recorder import THEIRS, Recorder
from .selfcheck import wrong
from .tracks import Track

TOLERANCE: Mapping[torch.dtype | str, float] = {
    torch.float64: 1e-5, torch.float32: 1e-4, "tf32": 5e-3, torch.float16: 1e-2, torch.bfloat16: 5e-2
}  # fmt: skip
"""How far h may be from what the equations give, by what products are taken of; states are kept in float32."""


class Capture:
    """While it is open, every call of a recurrent layer inside of a model is recorded.

    A call with a single sequence that starts from the last state of the call before goes on with its sequence; every
    other sequence of every call is one of its own. The model is in evaluation mode while it is watched.

    Args:
        model: a layer of this library, `torch.nn.LSTM`, `GRU` or `RNN`, or a module that holds such.
        most: steps of each layer that are enough; sequences are taken whole.

    >>> import torch, cellwright as cw
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.LSTM(3, 4))
    >>> with Capture(model) as capture:
    ...     _ = model(torch.randn(5, 2))
    >>> capture.inspection().passes[0].steps
    5

    Raises:
        InputError: the model holds no recurrent layer.
    """

    def __init__(self, model: nn.Module, most: float = math.inf) -> None:
        self.model = model
        kinds = (Recurrent, *THEIRS)
        found = ((name, module) for name, module in model.named_modules() if isinstance(module, kinds))
        self.recorders = {name: Recorder(module, most) for name, module in found}
        if not self.recorders:
            cells = {type(each).__name__ for each in model.modules() if isinstance(each, nn.RNNCellBase)}
            remedy = f"; its {', '.join(sorted(cells))} takes single steps: use the layer over whole sequences"
            raise InputError(
                f"a model must hold a layer of cellwright, or nn.LSTM, nn.GRU, nn.RNN, but this "
                f"{type(model).__name__} holds none{remedy * bool(cells)}"
            )
        self.latest: str | None = None
        self.order: dict[str, None] = {}
        self.reading = Reading()
        self.undo: list[Any] = []
        self.before: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self.training = [each for each in self.model.modules() if each.training]
        self.model.eval()
        for name, recorder in self.recorders.items():
            module = recorder.module
            if runs_as_known(module):
                self.before[name] = vars(module).get("forward")
                module.forward = partial(self.run, name)
            handle = module.register_forward_hook(partial(self.seen, name), with_kwargs=True)
            self.undo.append(handle)
        self.undo.extend(self.reading.watch(self.model))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for handle in self.undo:
            handle.remove()
        for name, before in self.before.items():
            vars(self.recorders[name].module).pop("forward")
            if before is not None:
                self.recorders[name].module.forward = before
        for module in self.training:
            module.training = True

    def run(
        self,
        name: str,
        input: Tensor | PackedSequence,
        hx: Any = None,
        *,
        lengths: Tensor | None = None,
        reset: Tensor | None = None,
        reset_state: Any = None,
    ) -> Any:
        """A call of a layer of this library, in the place of its own: the same, and recorded."""
        recorder, given = self.recorders[name], {"lengths": lengths, "reset": reset, "reset_state": reset_state}
        if isinstance(input, PackedSequence):
            return type(recorder.module).forward(recorder.module, input, hx, **given)
        return recorder.take(input, hx, **given)

    def seen(self, name: str, module: nn.Module, args: Any, kwargs: Mapping[str, Any], output: Any) -> None:
        """A call has returned."""
        self.latest = name
        self.order.pop(name, None)
        self.order[name] = None
        self.reading.given = output[0]
        given = {**dict(zip(("input", "hx"), args, strict=False)), **kwargs}
        input, state = given.pop("input"), given.pop("hx", None)
        if name not in self.before or isinstance(input, PackedSequence):
            self.recorders[name].compare(input, state, output, **given)

    @property
    def steps(self) -> int:
        """How many the layer that was called last has taken so far."""
        return 0 if self.latest is None else self.recorders[self.latest].steps

    def inspection(self, tracks: Sequence[Track] = (), layer: str | None = None) -> Inspection:
        """What was recorded.

        Args:
            tracks: what stands beside it, a value for each step of all sequences, one behind the other.
            layer: the name of the module; by default the one that was called last, with all others that took the
                same steps.

        Raises:
            InputError: nothing was recorded, there is no such layer, or a track has another number of steps.
        """
        if self.latest is None:
            raise InputError("the model has called none of its recurrent layers; pass it an input")
        if layer is not None and layer not in self.recorders:
            raise InputError(f"there is no layer {layer!r}; {nearest(layer, self.recorders)}")
        chosen = self.recorders[self.latest if layer is None else layer]
        if not chosen.steps:
            raise InputError("the layer has taken no steps; pass an input that has some, or name another layer")
        alike = {
            name: each
            for name, each in ((name, self.recorders[name]) for name in self.order)
            if each is chosen or (layer is None and each.starts == chosen.starts and each.steps == chosen.steps)
        }
        passes = [made for name, each in alike.items() for made in each.passes(name)]
        error = max([each.apart for each in alike.values()] + [wrong(made) for made in passes])
        tolerance = max(TOLERANCE[kind] for each in alike.values() for kind in each.kinds)
        readout = self.reading.readout if chosen is self.recorders[self.latest] else None
        return Inspection(passes, list(tracks), error, tolerance, readout=readout)


def runs_as_known(module: nn.Module) -> bool:
    """Whether a call of a module is that of a layer of this library, and not one of its own around it."""
    return isinstance(module, Recurrent) and type(module).forward is Recurrent.forward
