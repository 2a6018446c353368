"""The reference: the cell function itself, in a Python loop. Correct by definition, on any device."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from .layer import Layer, Weights
from .ragged import Ragged, check_packed, check_range


def run(layer: Layer) -> tuple[Tensor, list[Tensor]]:
    """Outputs as x is laid out, and last states `[D, B, H]`, differentiable in every way PyTorch has."""
    outputs, last, _ = watch(layer)
    return outputs, last


def watch(layer: Layer) -> tuple[Tensor, list[Tensor], dict[str, Tensor]]:
    """The same, and every signal by name: `[T, B, D, H]`, or packed `[N, D, H]`."""
    if layer.lengths is not None:
        return watch_ragged(layer, layer.lengths)
    return watch_whole(layer)


def watch_ragged(layer: Layer, lengths: Tensor) -> tuple[Tensor, list[Tensor], dict[str, Tensor]]:
    """The same for rows that end early: with zeros behind their ends, whatever stood there."""
    if layer.x.dim() == 3:
        check_range(lengths, layer.x.shape[0])
        steps = torch.arange(layer.x.shape[0], device=layer.x.device)
        inside = steps[:, None] < lengths.to(layer.x.device)
        return watch_whole(replace(layer, x=torch.where(inside[..., None], layer.x, 0)))
    check_packed(lengths, layer.x.shape[0])
    ragged = Ragged.of(lengths, int(lengths.max()) if len(lengths) else 0)
    reset, noise = None if layer.reset is None else ragged.unpacked(layer.reset), layer.noise
    if noise is not None:
        noise = noise[None] if len(noise) == 1 else ragged.unpacked(noise)
    outputs, last, signals = watch_whole(replace(layer, x=ragged.unpacked(layer.x), reset=reset, noise=noise))
    return ragged.packed(outputs), last, {name: ragged.packed(value) for name, value in signals.items()}


def watch_whole(layer: Layer) -> tuple[Tensor, list[Tensor], dict[str, Tensor]]:
    """The same for x `[T, B, I]` with nothing in it that must not be read."""
    zeros = [layer.x.new_zeros(shape) for shape in layer.shapes_of_states()]
    layer = replace(layer, state=layer.state or zeros, reset_state=layer.reset_state or zeros)
    results = [run_direction(layer, direction, weights) for direction, weights in enumerate(layer.weights)]
    last = [torch.stack([state[k] for state, _ in results]) for k in range(len(layer.cell.state))]
    signals = {name: torch.stack([found[name] for _, found in results], -2) for name in layer.cell.signals}
    return signals[layer.cell.states[0]].flatten(2), last, signals


def run_direction(layer: Layer, direction: int, weights: Weights) -> tuple[list[Tensor], dict[str, Tensor]]:
    """One direction: the last states, and all signals `[T, B, H]`; direction 1 goes from the last step to the first."""
    names, gates = layer.cell.states, len(layer.cell.gates)
    steps = layer.x.shape[0]
    state = [each[direction] for each in layer.state]
    brought = [each[direction] for each in layer.reset_state]
    contributions = F.linear(layer.x, weights.w, weights.b_w)
    found: list[dict[str, Tensor]] = [{}] * steps
    for t in range(steps) if direction == 0 else reversed(range(steps)):
        if layer.reset is not None:
            state = [torch.where(anew(layer, t, direction), *each) for each in zip(brought, state, strict=True)]
        x = contributions[t].chunk(gates, -1)
        r = F.linear(seen(layer, direction, state), weights.r, weights.b_r).chunk(gates, -1)
        ordered = dict(zip(names, state, strict=True))
        given = (*weights.vectors, *noise_at(layer, t, direction))
        signals = layer.cell(x, r, [ordered[name] for name in layer.cell.state], given)
        signals |= projected(weights, {name: signals[name] for name in layer.cell.recurrent})
        new = [signals[name] for name in names]
        if layer.lengths is not None:
            within = active(layer, t)
            signals = {name: torch.where(within, value, 0) for name, value in signals.items()}
            new = [torch.where(within, after, before) for after, before in zip(new, state, strict=True)]
        state, found[t] = new, signals
    widths = dict.fromkeys(layer.cell.signals, layer.units) | dict.fromkeys(layer.cell.recurrent, layer.outputs)
    return state, {
        name: torch.stack([each[name] for each in found])
        if steps
        else contributions.new_zeros(0, layer.rows, widths[name])
        for name in layer.cell.signals
    }


def projected(weights: Weights, states: dict[str, Tensor]) -> dict[str, Tensor]:
    """The states that the recurrent weights multiply, projected if there is a projection."""
    if weights.p is None:
        return states
    found = F.linear(torch.cat([*states.values()], -1), weights.p).chunk(len(states), -1)
    return dict(zip(states, found, strict=True))


def seen(layer: Layer, direction: int, state: list[Tensor]) -> Tensor:
    """What the recurrent weights multiply: h, or several states side by side; masked if there is a mask."""
    states = state[: len(layer.cell.recurrent)]
    if layer.mask is not None:
        states = [each * layer.mask[direction] for each in states]
    return states[0] if len(states) == 1 else torch.cat(states, -1)


def noise_at(layer: Layer, t: int, direction: int) -> tuple[Tensor, ...]:
    """What the cell is given for step t, value by value: each `[B, H]`."""
    if layer.noise is None:
        return ()
    return layer.noise[min(t, len(layer.noise) - 1), :, direction].unbind(1)


def active(layer: Layer, t: int) -> Tensor:
    """Whether step t belongs to each sequence: `[B, 1]`."""
    if layer.lengths is None:
        return torch.ones(layer.x.shape[1], 1, dtype=torch.bool, device=layer.x.device)
    return (t < layer.lengths).to(layer.x.device)[:, None]


def anew(layer: Layer, t: int, direction: int) -> Tensor:
    """Whether the state of each row is replaced before step t: `[B, 1]`.

    Pieces are the same in both directions: forward a piece begins at its marked step, backward at its last
    step, which is the one before the next mark.
    """
    assert layer.reset is not None
    mark = t + direction
    if mark >= layer.x.shape[0]:
        return torch.zeros_like(layer.reset[0])[:, None]
    return layer.reset[mark][:, None] & active(layer, mark)
