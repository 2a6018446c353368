"""A cell of your own in ten lines, trained at the speed of a compiled kernel.

The cell keeps a slow and a fast memory and learns how much of each to show. Its task is to add up the two numbers
of a sequence that are marked. Run it with

    python examples/own_cell.py
"""

import torch
from torch import nn

import cellwright as cw


@cw.cell(gates="i f g o", state="h slow fast", vectors={"mix": 0.0})
def two_speeds(x, r, s, w):
    """An LSTM with a second memory that forgets by half at every step."""
    i, f, o = torch.sigmoid(x.i + r.i), torch.sigmoid(x.f + r.f + 2), torch.sigmoid(x.o + r.o)
    g = torch.tanh(x.g + r.g)
    slow = f * s.slow + i * g
    fast = 0.5 * s.fast + g
    share = torch.sigmoid(w.mix)
    h = o * torch.tanh(share * slow + (1 - share) * fast)
    return dict(i=i, f=f, g=g, o=o, slow=slow, fast=fast, h=h)


def sums(rows, steps):
    """Numbers `[T, B, 2]`, each beside a mark, and the sum of the two marked ones `[B]`."""
    numbers, marks = torch.rand(steps, rows), torch.zeros(steps, rows)
    for half in (slice(0, steps // 2), slice(steps // 2, steps)):
        marks[half][torch.randint(steps // 2, (rows,)), torch.arange(rows)] = 1
    return torch.stack([numbers, marks], -1), (numbers * marks).sum(0)


def main(rounds=500, steps=12):
    """Train; the mean squared errors of the first and of the last rounds."""
    torch.manual_seed(0)
    layer, head = cw.Recurrent(two_speeds, input_size=2, hidden_size=32), nn.Linear(32, 1)
    optimizer = torch.optim.Adam([*layer.parameters(), *head.parameters()], lr=1e-2)
    print(two_speeds.equations(), cw.explain(layer, torch.zeros(steps, 1, 2)), sep="\n")
    errors = []
    for number in range(rounds):
        x, target = sums(64, steps)
        outputs, _ = layer(x)
        loss = nn.functional.mse_loss(head(outputs[-1])[:, 0], target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        errors.append(loss.item())
        if number % 100 == 99:
            print(f"round {number + 1}: mean squared error {sum(errors[-20:]) / 20:.4f}")
    return sum(errors[:20]) / 20, sum(errors[-20:]) / 20


if __name__ == "__main__":
    main()
