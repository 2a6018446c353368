"""An ensemble of LSTMs under `vmap`: one call, many sets of weights, and how sure they are together.

Each member learns a noisy wave from its own start. Where they have seen the wave they agree; beyond it they differ.
Run it with

    python examples/ensemble.py
"""

import copy

import torch
from torch import nn
from torch.func import functional_call, grad, stack_module_state, vmap

import cellwright as cw


class Forecaster(nn.Module):
    """The next value of a series, at every step."""

    def __init__(self, units=16):
        super().__init__()
        self.lstm = cw.LSTM(1, units)
        self.head = nn.Linear(units, 1)

    def forward(self, x):
        """The values behind those of `x [T, B, 1]`."""
        return self.head(self.lstm(x)[0])


def wave(steps, scale=1.0):
    """A noisy wave `[T, 8, 1]`, eight times with another phase."""
    time = torch.arange(steps)[:, None, None] * 0.3 + torch.rand(8, 1) * 6.28
    return scale * (torch.sin(time) + 0.05 * torch.randn(steps, 8, 1))


def main(members=6, rounds=150, steps=30):
    """Train all members at once; their mean squared error, and their disagreement on known and on strange input."""
    torch.manual_seed(0)
    models = [Forecaster() for _ in range(members)]
    skeleton = copy.deepcopy(models[0])
    parameters, _ = stack_module_state(models)

    def loss_of(own, x):
        return nn.functional.mse_loss(functional_call(skeleton, own, (x[:-1],)), x[1:])

    gradients = vmap(grad(loss_of), in_dims=(0, None))
    losses = vmap(loss_of, in_dims=(0, None))
    optimizer = torch.optim.Adam(parameters.values(), lr=1e-2)
    for number in range(rounds):
        x = wave(steps)
        for name, gradient in gradients(parameters, x).items():
            parameters[name].grad = gradient
        optimizer.step()
        if number % 50 == 49:
            print(f"round {number + 1}: mean squared error {losses(parameters, x).mean().item():.4f}")

    def disagreement(x):
        with torch.no_grad():
            found = vmap(lambda own: functional_call(skeleton, own, (x,)))(parameters)
        return found.std(0).mean().item()

    error, known, strange = (
        losses(parameters, wave(steps)).mean().item(),
        *map(disagreement, (wave(steps), wave(steps, 4.0))),
    )
    print(f"error {error:.4f}; disagreement on waves as seen {known:.3f}, on waves four times as high {strange:.3f}")
    return error, known, strange


if __name__ == "__main__":
    main()
