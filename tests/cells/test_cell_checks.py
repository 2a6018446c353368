"""A cell is checked when it is built; the error names the line and the remedy."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor

import cellwright as cw
from cellwright.cells.dual import dual

T = cw.Terms


def refusal(function: Callable[..., object], marker: str, **options: object) -> str:
    """The message with which a cell is refused; it must name the line that holds the marker."""
    with pytest.raises(cw.CellError) as caught:
        cw.cell(**options)(function)  # type: ignore[arg-type]
    lines, first = inspect.getsourcelines(function)
    number = first + next(n for n, line in enumerate(lines) if marker in line)
    message = str(caught.value)
    assert message.startswith(f"{__file__}:{number}: "), message
    return message


def plain(x: T, r: T, s: T, w: T) -> dict[str, Tensor]:
    return dict(h=torch.tanh(x.a + r.a))


def test_a_missing_state_is_named_with_what_to_add() -> None:
    message = refusal(plain, "def plain", gates="a", state="h c")
    assert "must return its state 'c'" in message
    assert "but returns h; add c=c to the dict" in message


def test_an_empty_result_misses_its_state() -> None:
    def empty(x: T, r: T, s: T, w: T) -> dict[str, Tensor]:
        return {}

    assert "must return its state 'h', but returns nothing" in refusal(empty, "def empty", gates="a")


def test_an_unknown_gate_gets_the_nearest_name() -> None:
    def mistyped(x: T, r: T, s: T, w: T) -> dict[str, Tensor]:
        f = torch.sigmoid(x.forget + r.forget)
        return dict(h=f * torch.tanh(x.inptu))

    message = refusal(mistyped, "x.inptu", gates="forget input")
    assert "there is no 'inptu' here; did you mean 'input'?" in message


def test_an_unknown_state_gets_all_names() -> None:
    def lost(x: T, r: T, s: T, w: T) -> dict[str, Tensor]:
        return dict(
            h=x.a + s.memory,
        )

    assert "there is no 'memory' here; known: 'h'" in refusal(lost, "s.memory", gates="a")


def test_an_unknown_vector_is_named() -> None:
    def peeping(x: T, r: T, s: T, w: T) -> dict[str, Tensor]:
        return dict(h=x.a + w.p_i * s.h)

    message = refusal(peeping, "w.p_i", gates="a", vectors="p_o")
    assert "there is no 'p_i' here; did you mean 'p_o'?" in message


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (lambda h: h.sum(-1), "[2] of torch.float32"),
        (lambda h: h[:, :2], "[2, 2] of torch.float32"),
        (lambda h: h.double(), "[2, 3] of torch.float64"),
        (lambda h: h > 0, "[2, 3] of torch.bool"),
        (lambda h: 0.5, "is float"),
        (lambda h: None, "is NoneType"),
    ],
)
def test_a_signal_of_another_shape_or_dtype(wrong: Callable[[Tensor], object], found: str) -> None:
    def bent(x: T, r: T, s: T, w: T) -> dict[str, object]:
        return dict(h=x.a + r.a, extra=wrong(s.h))

    message = refusal(bent, "def bent", gates="a")
    assert "the signal 'extra' of the cell 'bent' must have the shape [2, 3]" in message
    assert found in message


def test_a_vector_alone_is_no_signal() -> None:
    def bare(x: T, r: T, s: T, w: T) -> dict[str, Tensor]:
        return dict(h=w.p)

    assert "but is [3] of torch.float32" in refusal(bare, "def bare", gates="a", vectors="p")


def test_the_state_contains_h() -> None:
    def headless(x: T, r: T, s: T, w: T) -> dict[str, Tensor]:
        return dict(c=x.a)

    assert "must contain 'h'" in refusal(headless, "def headless", gates="a", state="c")


def test_there_is_a_gate() -> None:
    assert 'needs a gate; for example gates="i f g o"' in refusal(plain, "def plain", gates="")


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (dict(gates="a a"), "gates"),
        (dict(gates="a", state="h c h"), "state"),
        (dict(gates="a", vectors="p p"), "vectors"),
        (dict(gates="a b-c"), "gates"),
        (dict(gates="a", vectors={"p i": 0.0}), "vectors"),
    ],
)
def test_names_are_different_identifiers(options: Mapping[str, object], kind: str) -> None:
    message = refusal(plain, "def plain", **options)
    assert f"{kind} of the cell 'plain' must be different identifiers" in message


def test_a_failing_function_is_named_at_the_line_that_fails() -> None:
    def failing(x: T, r: T, s: T, w: T) -> dict[str, Tensor]:
        h = x.a + r.a
        return dict(h=h @ h)

    message = refusal(failing, "h @ h", gates="a")
    assert "the cell 'failing' fails: " in message
    assert "cannot be multiplied" in message


def test_the_cause_of_a_failure_is_kept() -> None:
    def dividing(x: T, r: T, s: T, w: T) -> dict[str, Tensor]:
        return dict(h=x.a * (1 / 0))

    with pytest.raises(cw.CellError) as caught:
        cw.cell(gates="a")(dividing)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("result", [None, torch.zeros(2, 3), 1.0])
def test_a_result_without_names_is_refused(result: object) -> None:
    def nameless(x: T, r: T, s: T, w: T) -> object:
        return result

    assert "the cell 'nameless' fails" in refusal(nameless, "def nameless", gates="a")


def test_a_function_of_too_few_arguments_is_refused() -> None:
    def short(x: T, r: T) -> dict[str, Tensor]:
        return dict(h=x.a + r.a)

    assert "takes 2 positional arguments" in refusal(short, "def short", gates="a")


def test_a_call_with_too_few_tensors_is_refused() -> None:
    zeros = torch.zeros(1, 2)
    with pytest.raises(ValueError, match="zip"):
        cw.cells["lstm"]([zeros] * 3, [zeros] * 4, [zeros] * 2)


def test_signals_are_identifiers() -> None:
    with pytest.raises(cw.CellError, match="must be identifiers, not 'forget gate'"):
        cw.cell(gates="f")(lambda x, r, s, w: {"forget gate": x.f, "h": x.f + r.f})


def test_a_cell_is_a_function_with_a_name() -> None:
    with pytest.raises(cw.CellError, match="a function with a name"):
        cw.cell(gates="f")(functools.partial(lambda k, x, r, s, w: {"h": x.f + r.f}, 2))


def test_equal_names_of_different_equations_have_different_keys() -> None:
    def one() -> cw.Cell:
        @cw.cell(gates="f")
        def same(x: T, r: T, s: T, w: T) -> dict[str, Tensor]:
            return {"h": x.f + r.f}

        return same

    def other() -> cw.Cell:
        @cw.cell(gates="f")
        def same(x: T, r: T, s: T, w: T) -> dict[str, Tensor]:
            return {"h": x.f - r.f}

        return same

    first, second = one(), other()
    assert first.key.partition("#")[0] != second.key.partition("#")[0]
    assert dual(first).key.startswith(first.key.partition("#")[0])
    assert one().key.partition("#")[0] == first.key.partition("#")[0]
