"""What does not fit is refused before it reaches a kernel, which reads memory as it is told."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import cellwright as cw
from cellwright.kernels import cpu

ROWS, STEPS, INPUTS, UNITS = 2, 3, 4, 5


def scan(cell: str = "lstm", **changes: Any) -> None:
    """Call `cw.scan` with arguments that fit, but for the changes."""
    rows = len(cw.cells[cell].gates) * UNITS
    arguments: dict[str, Any] = dict(
        x=torch.zeros(STEPS, ROWS, INPUTS),
        state=[torch.zeros(1, ROWS, UNITS) for _ in cw.cells[cell].state],
        weights=cw.Weights(torch.zeros(rows, INPUTS), torch.zeros(rows, UNITS), torch.zeros(rows), torch.zeros(rows)),
    )
    cw.scan(cw.cells[cell], **(arguments | changes))


def weights(**changes: Any) -> cw.Weights:
    fitting = cw.Weights(torch.zeros(20, 4), torch.zeros(20, 5), torch.zeros(20), torch.zeros(20))
    return fitting._replace(**changes)


SHAPES: dict[str, tuple[dict[str, Any], str]] = {
    "x without a batch": (dict(x=torch.zeros(3, 4)), r"x must be \[T, B, 4\].*but is \[3, 4\]"),
    "x of another size": (dict(x=torch.zeros(3, 2, 5)), r"x must be \[T, B, 4\].*but is \[3, 2, 5\]"),
    "one state of two": (dict(state=[torch.zeros(1, 2, 5)]), "state of lstm is h, c of the shapes"),
    "a state for another batch": (dict(state=[torch.zeros(1, 3, 5)] * 2), r"of the shapes \[1, 2, 5\]"),
    "a state without directions": (dict(state=[torch.zeros(2, 5)] * 2), r"of the shapes \[1, 2, 5\]"),
    "feed-forward weights too short": (dict(weights=weights(w=torch.zeros(19, 4))), r"\[20, 4\], \[20, 5\]"),
    "recurrent weights too short": (dict(weights=weights(r=torch.zeros(15, 5))), r"\[20, 4\], \[20, 5\]"),
    "a bias too short": (dict(weights=weights(b_w=torch.zeros(5))), r"\[20\], \[20\], but have"),
    "one bias of two": (dict(weights=weights(b_r=None)), r"\[20\], \[20\], but have"),
    "a vector too much": (dict(weights=weights(vectors=(torch.zeros(5),))), "but have"),
    "directions that differ": (
        dict(
            weights=[weights(), weights(b_w=None, b_r=None)],
            state=[torch.zeros(2, 2, 5)] * 2,
        ),
        "but have",
    ),
    "lengths for another batch": (dict(lengths=torch.tensor([1, 2, 3])), "lengths"),
    "lengths that are too long": (dict(lengths=torch.tensor([1, 4])), "lengths"),
    "a negative length": (dict(lengths=torch.tensor([1, -1])), "lengths"),
    "an unknown precision": (dict(precision="fp8"), "precision is one of ieee, tf32x3, tf32, bf16, not 'fp8'"),
    "three directions": (dict(weights=[weights()] * 3), "of one direction or of two, but are of 3"),
    "no direction": (dict(weights=[]), "of one direction or of two, but are of 0"),
    "a mask that learns": (dict(mask=torch.ones(1, 2, 5, requires_grad=True)), "noise and mask have no gradient"),
    "resets turned round": (dict(reset=torch.zeros(ROWS, STEPS, dtype=torch.bool)), "reset"),
}

DTYPES: dict[str, tuple[dict[str, Any], str]] = {
    "x": (dict(x=torch.zeros(3, 2, 4).double()), "float64"),
    "x of integers": (dict(x=torch.zeros(3, 2, 4).long()), "int64"),
    "a state": (dict(state=[torch.zeros(1, 2, 5), torch.zeros(1, 2, 5).double()]), "float64"),
    "feed-forward weights": (dict(weights=weights(w=torch.zeros(20, 4).double())), "float64"),
    "a bias": (dict(weights=weights(b_r=torch.zeros(20).half())), "float16"),
    "lengths of 32 bits": (dict(lengths=torch.tensor([1, 2], dtype=torch.int32)), "int32|lengths"),
    "lengths that are no integers": (dict(lengths=torch.tensor([1.0, 2.0])), "lengths"),
    "resets as numbers": (dict(reset=torch.zeros(STEPS, ROWS)), "reset"),
    "resets as integers": (dict(reset=torch.zeros(STEPS, ROWS, dtype=torch.int64)), "reset"),
}

DEVICES: dict[str, dict[str, Any]] = {
    "x": dict(x=torch.zeros(3, 2, 4, device="meta")),
    "a state": dict(state=[torch.zeros(1, 2, 5), torch.zeros(1, 2, 5, device="meta")]),
    "a weight": dict(weights=weights(w=torch.zeros(20, 4, device="meta"))),
}


@pytest.fixture
def no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """No kernel runs: what should have been refused might bring the process down."""

    def forward(*arguments: object) -> None:
        pytest.fail("the call reached the kernel")

    monkeypatch.setattr(cpu, "forward", forward)


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize(("changes", "message"), SHAPES.values(), ids=SHAPES)
def test_shapes(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(cw.InputError, match=message):
        scan(**changes)


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize(("changes", "message"), DTYPES.values(), ids=DTYPES)
def test_dtypes(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(cw.InputError, match=message):
        scan(**changes)


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize("changes", DEVICES.values(), ids=DEVICES)
def test_devices(changes: dict[str, Any]) -> None:
    with pytest.raises(cw.InputError, match=r"device|meta"):
        scan(**changes)


def test_a_name_is_no_cell() -> None:
    with pytest.raises(cw.InputError, match=r"cell must be a cell, such as cellwright.cells\['lstm'\], not 'lstm'"):
        cw.scan("lstm", torch.zeros(2, 1, 4), None, weights())  # type: ignore[arg-type]


def test_what_fits_is_not_refused() -> None:
    scan()
    scan("gru")
    scan(lengths=torch.tensor([0, 3]), reset=torch.zeros(STEPS, ROWS, dtype=torch.bool))


def test_a_single_state_may_come_alone() -> None:
    scan("gru", state=torch.zeros(1, ROWS, UNITS))


def test_no_calls_are_refused() -> None:
    lstm = cw.LSTM(3, 4)
    with pytest.raises(cw.InputError, match="vmap must have something to map over"):
        torch.func.vmap(lambda x: lstm(x)[0], 1)(torch.randn(5, 0, 2, 3))
