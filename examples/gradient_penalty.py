"""A penalty on the gradient, at the speed of compiled kernels: second derivatives through an LSTM.

A critic learns to tell smooth sequences from broken ones, while a penalty keeps the length of its gradient with
respect to its input at 1, as in a Wasserstein GAN (Gulrajani et al. 2017). Run it with

    python examples/gradient_penalty.py
"""

import torch
from torch import nn

import cellwright as cw


class Critic(nn.Module):
    """One number for each sequence: high for smooth ones."""

    def __init__(self, units=32):
        super().__init__()
        self.lstm = cw.LSTM(1, units)
        self.head = nn.Linear(units, 1)

    def forward(self, x):
        """Numbers `[B]` for `x [T, B, 1]`."""
        return self.head(self.lstm(x)[0].mean(0))[:, 0]


def sequences(rows, steps):
    """Sines `[T, B, 1]`, and the same with their steps in another order."""
    time = torch.arange(steps)[:, None, None] / steps
    smooth = torch.sin(6.28 * (time * torch.rand(rows, 1) * 2 + torch.rand(rows, 1)))
    return smooth, smooth[torch.randperm(steps)]


def lengths_of_gradients(critic, x):
    """How fast the critic's number changes with each sequence: `[B]`, to be differentiated once more."""
    x = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return slope.norm(dim=(0, 2))


def main(rounds=250, rows=32, steps=24, weight=3.0):
    """Train; how often the critic is right at the end, and the mean length of its gradient."""
    torch.manual_seed(0)
    critic = Critic()
    optimizer = torch.optim.Adam(critic.parameters(), lr=5e-3)
    print(cw.explain(critic.lstm, sequences(rows, steps)[0]))
    for number in range(rounds):
        smooth, broken = sequences(rows, steps)
        between = torch.lerp(smooth, broken, torch.rand(1, rows, 1))
        penalty = (lengths_of_gradients(critic, between) - 1).square().mean()
        loss = critic(broken).mean() - critic(smooth).mean() + weight * penalty
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if number % 50 == 49:
            print(f"round {number + 1}: loss {loss.item():.3f}, penalty {penalty.item():.4f}")
    smooth, broken = sequences(1000, steps)
    with torch.no_grad():
        right = (critic(smooth) > critic(broken)).float().mean().item()
    length = lengths_of_gradients(critic, torch.lerp(smooth, broken, 0.5)).mean().item()
    print(f"right about {right:.0%} of the pairs; mean length of the gradient {length:.2f}")
    return right, length


if __name__ == "__main__":
    main()
