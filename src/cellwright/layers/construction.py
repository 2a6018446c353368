"""What must hold when a layer is made: there is such a cell, the sizes are sizes, the projection is one."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any

import torch

from ..cells import Cell, cells
from ..errors import InputError, nearest


def check_sizes(**sizes: object) -> None:
    """Sizes are whole numbers of at least 1.

    Raises:
        InputError: one is not.
    """
    for name, size in sizes.items():
        if not isinstance(size, int) or size < 1:
            raise InputError(f"{name} must be a whole number of at least 1, but is {size!r}")


def check_kinds(bias: object, forget_bias: object) -> None:
    """There are biases, or there are not; where that of the forget gate begins is a number.

    Raises:
        InputError: one is something else.
    """
    if not isinstance(bias, bool):
        raise InputError(f"bias must be True or False, but is {bias!r}")
    if forget_bias is not None and not is_number(forget_bias):
        raise InputError(f"forget_bias must be a number, but is {forget_bias!r}")


def checked_dropout(value: Any, num_layers: int) -> float:
    """The probability of dropout between layers; of a single one it is told that there is nothing to drop."""
    found = checked_probability("dropout", value)
    if found and num_layers == 1:
        warnings.warn("dropout acts between layers, but there is only one; leave it out", stacklevel=3)
    return found


def checked_probability(name: str, value: Any) -> float:
    """A probability.

    Raises:
        InputError: it is not between 0 and 1.
    """
    if not is_number(value) or not 0 <= value <= 1:
        raise InputError(f"{name} is a probability between 0 and 1, but is {value!r}")
    return float(value)


def is_number(value: object) -> bool:
    """Whether something is a real number, and no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool)


def check_projection(size: object, hidden_size: int, cell: Cell) -> None:
    """The projection is smaller than h, and nobody needs h and what it is projected to unit by unit."""
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < hidden_size:
        raise InputError(
            f"proj_size must be a whole number from 0 to hidden_size - 1 ({hidden_size - 1}), but is {size!r}"
        )
    if size and reads_own_output(cell):
        raise InputError(
            f"the cell {cell.name} combines its last output with its units one by one (as zoneout on h does), "
            "which a projection does not allow; leave out proj_size"
        )


def found_cell(cell: str | Cell) -> Cell:
    """The cell of a name, or the cell itself."""
    if isinstance(cell, Cell):
        return cell
    if not isinstance(cell, str):
        raise InputError(f"cell is the name of a cell or a Cell, not {cell!r}")
    if cell not in cells:
        raise InputError(f"there is no cell {cell!r}; {nearest(cell, cells)}")
    return cells[cell]


def reads_own_output(cell: Cell) -> bool:
    """Whether a cell cannot do without its last output unit by unit: it fails if that has another width."""
    rows, units = 2, 3
    example = torch.full((rows, units), 0.5)
    state = [torch.full((rows, units + 1), 0.5) if name in cell.recurrent else example for name in cell.state]
    others = [torch.full((units,), 0.5)] * (len(cell.vectors) + len(cell.noise))
    try:
        cell([example] * len(cell.gates), [example] * len(cell.gates), state, others)
    except RuntimeError:
        return True
    return False
