"""What a call of a layer is given, checked and brought into the form of the kernels; and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from ..errors import InputError
from ..kernels.autocast import autocast_dtype
from .layout import Layout
from .sequences import Sequences, checked_lengths, checked_reset

if TYPE_CHECKING:
    from .recurrent import Recurrent

State = Tensor | tuple[Tensor, ...]


def arranged(
    module: Recurrent,
    input: Tensor,
    state: State | None,
    lengths: Tensor | None,
    reset: Tensor | None,
    reset_state: State | None,
) -> tuple[Layout, Sequences]:
    """What a call was given, checked and with time first, and how it was laid out."""
    check_input(module, input)
    layout = Layout(module.batch_first, input.dim() == 2)
    if reset is None and reset_state is not None:
        raise InputError("reset_state is what a reset brings; pass reset= with it")
    reset = checked_reset(reset, tuple(input.shape[:-1]), str(layout))
    x = layout.time_first(input)
    first = first_state(module, state, x, x.shape[1], layout.single)
    brought: list[Tensor] = []
    if reset is not None:
        reset = layout.time_first(reset).to(x.device).contiguous()
        brought = first_state(module, reset_state, x, x.shape[1], layout.single)
    return layout, Sequences(x, first, checked_lengths(lengths, x.shape[1]), reset, brought)


def check_input(module: Recurrent, x: Tensor) -> None:
    """The input fits the layer."""
    if x.dim() not in (2, 3) or x.shape[-1] != module.input_size:
        layout = "[B, T, input_size]" if module.batch_first else "[T, B, input_size]"
        raise InputError(
            f"the input must be {layout}, or [T, input_size] for one sequence, with input_size "
            f"{module.input_size}, but is {list(x.shape)}"
        )
    weight = module._parameters.get("weight_hh_l0")
    weight = next(module.parameters(), None) if weight is None else weight  # one that is made anew at every look
    weight = module.parameter("weight_hh_l0") if weight is None else weight  # a layer without parameters of its own
    if x.dtype != weight.dtype and autocast_dtype(x.device.type) is None:
        raise InputError(
            f"the input and the parameters must have one dtype, but are {x.dtype} and {weight.dtype}; convert "
            "one of them with .to(dtype)"
        )
    if x.device != weight.device:
        raise InputError(
            f"the input and the parameters must be on one device, but are on {x.device} and {weight.device}; "
            "move one of them with .to(device)"
        )


def first_state(module: Recurrent, state: State | None, x: Tensor, rows: int, single: bool) -> list[Tensor]:
    """The first states `[layers * D, B, H]`, h first, checked; if not given, the learned ones; empty for zeros."""
    if state is None:
        learned = [module.parameter(f"{name}_0") for name in module.cell.states] if module.learned_state else []
        return [each[:, None].expand(-1, rows, -1) for each in learned]
    names = module.cell.state
    given = (state,) if isinstance(state, Tensor) else tuple(state) if isinstance(state, Sequence) else (None,)
    if not all(isinstance(each, Tensor) for each in given):
        raise InputError(f"the state of {module.cell.name} must be tensors, {', '.join(names)}, or None alone")
    batch = () if single else (rows,)
    expected = [(module.num_layers * module.directions, *batch, module.width_of(name)) for name in names]
    if [tuple(each.shape) for each in given] != expected:
        raise InputError(
            f"the state of {module.cell.name} is {', '.join(names)} of the shapes "
            f"{', '.join(str(list(shape)) for shape in expected)}, but has "
            f"{', '.join(str(list(each.shape)) for each in given)}"
        )
    for name, each in zip(names, given, strict=True):
        mixed = autocast_dtype(x.device.type) is not None and each.is_floating_point()
        if (each.dtype != x.dtype and not mixed) or each.device != x.device:
            raise InputError(
                f"the state {name} must be {x.dtype} on {x.device} as the input, but is {each.dtype} on {each.device}"
            )
    by_name = dict(zip(names, given, strict=True))
    ordered = [by_name[name] for name in module.cell.states]
    return [each[:, None] for each in ordered] if single else ordered


def given_back(module: Recurrent, last: Sequence[Tensor]) -> State:
    """The last states in the order of the cell; a single one alone."""
    names = module.cell.states
    ordered = last if names == module.cell.state else [last[names.index(name)] for name in module.cell.state]
    return ordered[0] if len(ordered) == 1 else tuple(ordered)
