"""A reset begins a new piece: the pieces are what they are when run alone, in both directions."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor

import cellwright as cw
from tests.agreement import TOLERANCE
from tests.kernels.calls import Call, assert_same_bits, drawn, outcome

STEPS = 10
MARKS = [(), (0,), (9,), (3,), (3, 7), (0, 1, 2, 9), tuple(range(STEPS))]


def marked(steps: int, rows: list[tuple[int, ...]]) -> Tensor:
    """Resets `[T, B]`, true at the marks of each row."""
    reset = torch.zeros(steps, len(rows), dtype=torch.bool)
    for row, marks in enumerate(rows):
        reset[list(marks), row] = True
    return reset


def in_pieces(call: Call, marks: tuple[int, ...]) -> tuple[Tensor, list[Tensor]]:
    """Outputs and last states of a call whose pieces are run one by one.

    The given state enters the first piece forward and the last piece backward, unless the first one is marked.
    """
    edges = [*dict.fromkeys([0, *marks]), STEPS]
    outputs, lasts = [], []
    for number, (low, high) in enumerate(pairwise(edges)):
        part = call.steps(low, high)
        state = [each.clone() for each in call.state]
        for each in state:
            if number > 0 or 0 in marks:
                each[0] = 0
            if number < len(edges) - 2:
                each[1] = 0
        y, last = cw.scan(call.cell, part.x, state, call.weights)
        outputs.append(y.detach())
        lasts.append(last)
    ends = [torch.stack([lasts[-1][k][0], lasts[0][k][1]]) for k in range(len(call.state))]
    return torch.cat(outputs), [each.detach() for each in ends]


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("marks", MARKS, ids=str)
def test_pieces_have_the_bits_that_they_have_alone(marks: tuple[int, ...], cell: str) -> None:
    call = drawn(cell, steps=STEPS, rows=2, inputs=5, units=19, directions=2)
    found = outcome(call._replace(reset=marked(STEPS, [marks, marks])))
    y, last = in_pieces(call, marks)
    assert torch.equal(found.y, y)
    assert all(map(torch.equal, found.last, last))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_each_row_has_its_own_pieces(cell: str) -> None:
    call = drawn(cell, steps=STEPS, rows=len(MARKS), inputs=5, units=19, directions=2)
    call = call._replace(reset=marked(STEPS, MARKS))
    together = outcome(call).of_rows
    for row in range(len(MARKS)):
        alone = outcome(call.rows(row, row + 1)).of_rows
        assert_same_bits({name: each[:, row : row + 1] for name, each in together.items()}, alone)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_no_gradient_passes_a_reset(backend: str) -> None:
    call = drawn("lstm", steps=STEPS, rows=2, inputs=5, units=19)
    dy = call.dy.clone()
    dy[:4] = 0
    found = outcome(call._replace(reset=marked(STEPS, [(4,), ()]), dy=dy), backend)
    assert not found.dx[:4, 0].any()
    assert not any(each[:, 0].any() for each in found.d_state)
    assert bool((found.dx[:, 1] != 0).all())


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_what_stands_before_a_reset_does_not_come_through(backend: str) -> None:
    call = drawn("gru", steps=STEPS, rows=2, inputs=5, units=19)._replace(reset=marked(STEPS, [(4,), (4,)]))
    clean = outcome(call, backend)
    x = call.x.clone()
    x[:4] = torch.nan
    spoilt = outcome(call._replace(x=x), backend)
    assert bool(spoilt.y[:4].isnan().all())
    assert torch.equal(spoilt.y[4:], clean.y[4:])
    assert torch.equal(spoilt.last[0], clean.last[0])


def test_no_reset_has_the_bits_of_none() -> None:
    call = drawn("lstm", steps=STEPS, rows=3, inputs=5, units=19, directions=2)
    reset = torch.zeros(STEPS, 3, dtype=torch.bool)
    assert_same_bits(outcome(call._replace(reset=reset)).everything, outcome(call).everything)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_a_reset_behind_the_end_changes_nothing(backend: str) -> None:
    lengths = torch.tensor([4, 0, STEPS])
    call = drawn("lstm", steps=STEPS, rows=3, inputs=5, units=19, directions=2)._replace(lengths=lengths)
    clean = outcome(call, backend).everything
    reset = marked(STEPS, [(4, 5, 9), (0, 3), ()])
    with_marks = outcome(call._replace(reset=reset), backend).everything
    limit = TOLERANCE[torch.float32]
    for name, expected in clean.items():
        assert torch.allclose(with_marks[name], expected, rtol=limit, atol=limit), name
