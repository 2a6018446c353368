"""What must hold when a layer is made: there is such a cell, the sizes are sizes, the projection is one."""

from __future__ import annotations

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
