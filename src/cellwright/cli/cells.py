"""The commands that show cells: `cells` and `describe`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from rich.console import Console
from rich.table import Table
from typer import Argument, Option

from ..errors import InputError, nearest

if TYPE_CHECKING:
    from ..cells import Cell

SIZE = 128


def list_cells() -> None:
    """List the cells: the gates of each, how much it learns, what it is and its source."""
    from ..cells import cells

    table = Table(box=None)
    table.add_column("cell", no_wrap=True)
    table.add_column("gates", no_wrap=True)
    table.add_column("parameters", no_wrap=True, justify="right")
    table.add_column("what it is: source")
    for cell in cells.values():
        table.add_row(cell.name, " ".join(cell.gates), f"{cell.parameters(SIZE, SIZE):,}", cell.summary.rstrip("."))
    console = Console(highlight=False)
    console.print(table)
    console.print(f"Parameters of one layer with {SIZE} numbers in and {SIZE} units, both biases included.")


def describe(
    name: Annotated[str, Argument(help="Name of the cell; see: cellwright cells")],
    input_size: Annotated[int, Option("--input", min=1, help="Numbers per time step that go in.")] = 80,
    hidden_size: Annotated[int, Option("--hidden", min=1, help="Units.")] = 12,
    latex: Annotated[bool, Option("--latex", help="Print the equations as LaTeX, and nothing else.")] = False,
) -> None:
    """Print a cell's equations, every weight's shape, its parameters and the data flow of one step."""
    from ..cells import cells

    if name not in cells:
        raise InputError(f"NAME must be a cell, not {name!r}; {nearest(name, cells)}")
    cell, plain = cells[name], cells["rnn"]
    console = Console(highlight=False, markup=False)
    if latex:
        console.print(cell.latex(), soft_wrap=True)
        return
    learned, compared = cell.parameters(input_size, hidden_size), plain.parameters(input_size, hidden_size)
    console.print(f"{cell.name}: {cell.summary}\n\nOne step\n", soft_wrap=True)
    console.print(indented(cell.equations()), soft_wrap=True)
    console.print("\nWeights\n")
    console.print(weight_table(cell, input_size, hidden_size))
    console.print(
        f"\nParameters: {learned:,}, {learned / compared:.2g} times the {compared:,} of a plain recurrent network\n",
        soft_wrap=True,
    )
    console.print("Data flow of one step\n")
    console.print(data_flow(cell, input_size, hidden_size))


def weight_table(cell: Cell, input_size: int, hidden_size: int) -> Table:
    """Every weight with its shape and what it does."""
    table = Table("  weight", "shape", "what it is", box=None)
    for row in cell.dimensions(input_size, hidden_size):
        table.add_row(f"  {row.name}", " × ".join(map(str, row.shape)), row.what)
    return table


def data_flow(cell: Cell, input_size: int, hidden_size: int) -> Table:
    """What goes where in one step, with the size of everything."""
    size = f"[{hidden_size}]"
    parts = f"{', '.join(cell.gates)} {size} each"
    kept = [f"{name}_t-1 {size}" for name in cell.state if name != "h"]
    state = [f"{name}_t {size}" for name in cell.state]
    table = Table("  from", "", "to", box=None)
    table.add_row(f"  x_t [{input_size}]", "-> W x_t + b    ->", parts)
    table.add_row(f"  h_t-1 {size}", "-> R h_t-1 + b' ->", parts)
    table.add_row(f"  {', '.join(['both', *kept])}", "-> equations    ->", ", ".join(state))
    table.add_row(f"  {', '.join(state)}", "->", "the next step; h_t: output")
    return table


def indented(text: str) -> str:
    """The same lines, each a little to the right."""
    return "\n".join(f"  {line}" for line in text.splitlines())
