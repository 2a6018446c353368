"""A cell with some signals changed where its equations compute them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from ..errors import CellError
from .cell import Cell, CellFunction


class Change(NamedTuple):
    """Something behind the value of a signal.

    Attributes:
        signal: one that the function of the cell returns.
        text: what is written behind its value.
        noise: names in that text of what is given for every step.
    """

    signal: str
    text: str
    noise: tuple[str, ...] = ()


def dropped_candidate(cell: Cell) -> Change:
    """Multiplies the candidate of a cell by a mask that comes as noise, `drop`: Semeniuta et al. (2016)."""
    return Change(cell.candidate, "* drop", ("drop",))


def clipped_state(limit: float) -> Change:
    """Clips the cell state c to [-limit, limit] before it is shown and carried on."""
    return Change("c", f".clamp({-limit!r}, {limit!r})")


@cache
def changed(cell: Cell, *changes: Change) -> Cell:
    """The cell with changes of its signals, each where the signal is computed.

    >>> import cellwright as cw
    >>> lstm = cw.cells["lstm"]
    >>> print(changed(lstm, dropped_candidate(lstm), clipped_state(3.0)).equations())
    i_t = sigmoid(W_i x_t + b_i + R_i h_t-1 + b'_i)
    f_t = sigmoid(W_f x_t + b_f + R_f h_t-1 + b'_f)
    g_t = tanh(W_g x_t + b_g + R_g h_t-1 + b'_g) * drop
    o_t = sigmoid(W_o x_t + b_o + R_o h_t-1 + b'_o)
    c_t = clamp(f_t * c_t-1 + i_t * g_t, -3, 3)
    h_t = o_t * tanh(c_t)

    Raises:
        CellError: the source of the function is not to be found, or does not end with `return dict(...)`.
    """
    function = definition(cell)
    for change in changes:
        insert(cell, function, change)
    noise = (*cell.noise, *(name for change in changes for name in change.noise))
    texts = [f"{change.signal} {change.text}" for change in changes]
    variant = ", ".join(filter(None, [cell.variant, *texts]))
    return replace(cell, function=compiled(cell, function), noise=noise, variant=variant)


def insert(cell: Cell, function: ast.FunctionDef, change: Change) -> None:
    """Put a change where its signal is computed: behind the last line that sets it, or in what is returned."""
    returned = [each for each in ast.walk(function) if isinstance(each, ast.Return)]
    listed = returned[-1].value if len(returned) == 1 else None
    if not isinstance(listed, ast.Call) or change.signal not in [each.arg for each in listed.keywords]:
        raise CellError(f"the function of the cell {cell.name!r} must end with one `return dict({change.signal}=...)`")
    others = function.args.args[3].arg
    (entry,) = (each for each in listed.keywords if each.arg == change.signal)
    lines = [number for number, line in enumerate(function.body) if sets(line, entry.value)]
    if not lines:
        entry.value = with_change(entry.value, change, others)
        return
    assert isinstance(entry.value, ast.Name)
    again = ast.Assign([ast.Name(entry.value.id, ast.Store())], with_change(entry.value, change, others))
    function.body.insert(lines[-1] + 1, again)


def definition(cell: Cell) -> ast.FunctionDef:
    """The function of a cell as Python's grammar has it, without decorators."""
    try:
        source = textwrap.dedent(inspect.getsource(cell.function))
    except OSError as error:
        raise CellError(
            f"the source of the cell {cell.name!r} is not to be found, so that nothing can be put into it; write the "
            "cell in a file"
        ) from error
    (found,) = ast.parse(source).body
    if not isinstance(found, ast.FunctionDef):
        raise CellError(f"the cell {cell.name!r} is no function with a body; write it with `def`")
    found.decorator_list = []
    return found


def sets(line: ast.stmt, value: ast.expr) -> bool:
    """Whether a line sets the name that a value is, in whatever way."""
    stored = (each.id for each in ast.walk(line) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store))
    return isinstance(value, ast.Name) and value.id in stored


def with_change(value: ast.expr, change: Change, others: str) -> ast.expr:
    """An expression with the change behind it, whose noise stands in an argument of that name."""
    text = change.text
    for name in change.noise:
        text = text.replace(name, f"{others}.{name}")
    return ast.parse(f"({ast.unparse(value)}) {text}", mode="eval").body


def compiled(cell: Cell, function: ast.FunctionDef) -> CellFunction:
    """The function, in the surroundings of the one it comes from."""
    known: dict[str, Any] = {**cell.function.__globals__, **inspect.getclosurevars(cell.function).nonlocals}
    module = ast.fix_missing_locations(ast.Module([function], []))
    ast.increment_lineno(module, cell.function.__code__.co_firstlineno - 1)
    exec(compile(module, cell.function.__code__.co_filename, "exec"), known)
    made: CellFunction = known[function.name]
    return made
