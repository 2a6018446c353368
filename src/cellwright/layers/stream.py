"""A layer one step at a time, for input that arrives while it is processed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..errors import InputError
from ..kernels import plan
from ..kernels.layer import Layer
from ..kernels.stepper import Stepper
from .arrangement import State, first_state, given_back
from .sequences import Sequences

if TYPE_CHECKING:
    from .recurrent import Recurrent


class Stream:
    """Runs a layer step by step and keeps its state; made by `Recurrent.stream`.

    The numbers are those of the layer on the whole sequence, in evaluation mode, without gradients, and in the dtype
    of its weights, also under autocast. Weights that change are seen at the next step.
    """

    def __init__(self, module: Recurrent, batch_size: int) -> None:
        if module.bidirectional:
            raise InputError("a stream has no end to start from, so the layer must not be bidirectional")
        if not isinstance(batch_size, int) or batch_size < 1:
            raise InputError(f"batch_size must be a whole number of at least 1, but is {batch_size!r}")
        weight = module.parameter("weight_hh_l0").detach()
        self.module = module
        self.shape = (batch_size, module.input_size)
        rows = (module.num_layers, batch_size)
        with torch.inference_mode(False):
            self.states = {name: weight.new_zeros(*rows, module.width_of(name)) for name in module.cell.states}
            self.outputs = weight.new_zeros(module.num_layers, 1, batch_size, module.output_size)
        self.begin()
        self.reset()

    def __getstate__(self) -> dict[str, Any]:
        """What a copy is made from: not the calls, which know places in memory, nor views of the outputs."""
        return {name: value for name, value in vars(self).items() if name not in ("results", "written", "steppers")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.begin()

    def begin(self) -> None:
        """Make the views of the outputs, and room for the calls."""
        self.results = [each[0] for each in self.outputs]
        start = self.outputs.data_ptr()
        self.written = range(start, start + self.outputs.nbytes)
        self.steppers: list[Stepper | None] = [None] * self.module.num_layers

    def step(self, x: Tensor) -> Tensor:
        """One step for x `[B, I]`: the output `[B, H]`, which the next step writes over; x may be such an output.

        Raises:
            InputError: x does not fit the layer and the batch size.
        """
        known = self.outputs
        x = self.module.prepared(x) if self.module._forward_pre_hooks else x
        if x.shape != self.shape or x.dtype != known.dtype or x.device != known.device:
            raise InputError(
                f"a step needs x {list(self.shape)}, that is [batch_size, input_size], of {known.dtype} on "
                f"{known.device}, but got {list(x.shape)} of {x.dtype} on {x.device}"
            )
        x = x.clone() if x.data_ptr() in self.written else x
        for number, result in enumerate(self.results):
            stepper = self.steppers[number]
            (names,) = self.module.parameter_names[number]
            if stepper is None or not plan.is_open() or not stepper.fits(map(self.module.parameter, names)):
                stepper = self.steppers[number] = self.stepper_for(number, x)
            if stepper is None:
                self.step_by_plan(number, x)
            else:
                stepper.step(x.contiguous())
            x = result
        return x

    def stepper_for(self, number: int, x: Tensor) -> Stepper | None:
        """What steps through a layer; None where the kernel cannot run it."""
        with torch.no_grad():
            layer = self.layer(number, x)
            return Stepper(layer, self.outputs[number]) if plan.has_stepper(layer) else None

    def step_by_plan(self, number: int, x: Tensor) -> None:
        """One step of a layer on whichever backend the plan chooses."""
        with torch.no_grad():
            layer = self.layer(number, x)
            y, last = plan.run(layer)
            self.outputs[number].copy_(y)
            for before, after in zip(layer.state, last, strict=True):
                before.copy_(after)

    def layer(self, number: int, x: Tensor) -> Layer:
        """One layer with one step, and the states of the stream."""
        return self.module.layer(number, Sequences(x[None], [*self.states.values()]))

    @property
    def state(self) -> State:
        """The states `[layers, B, H]` as the layer returns them, and as the next step will find them.

        To keep them, clone them; to go back, assign them.
        """
        return given_back(self.module, [*self.states.values()])

    @state.setter
    def state(self, given: State) -> None:
        if given is None:
            raise InputError("the state must be tensors, not None; let new sequences begin by reset()")
        found = first_state(self.module, given, self.outputs, self.shape[0], single=False)
        with torch.no_grad():
            for known, each in zip(self.states.values(), found, strict=True):
                known.copy_(each)

    def reset(self, rows: Tensor | None = None) -> None:
        """Let new sequences begin, in all rows or in those given by a mask or by numbers.

        They begin with zeros, or with the learned first states.
        """
        learned = first_state(self.module, None, self.outputs, self.shape[0], single=False)
        with torch.no_grad():
            for n, each in enumerate(self.states.values()):
                value = learned[n] if learned else torch.zeros_like(each)
                if rows is None:
                    each.copy_(value)
                else:
                    each[:, rows] = value[:, rows]
