"""Prints docs/variants.md from the cells themselves: `python docs/print_variants.py > docs/variants.md`."""

import sys

import cellwright as cw


def page() -> str:
    """The whole page."""
    parts = [
        "# The cells",
        "Printed from the cell functions by `docs/print_variants.py`. In the equations `x_t` is the input of a step, "
        "`W` are feed-forward weights, `R` recurrent weights, `b` and `b'` their biases; a product of a weight and a "
        "signal is a matrix product, every other one goes unit by unit.",
        table(),
        *(section(cell) for cell in cw.cells.values()),
    ]
    return "\n\n".join(parts) + "\n"


def table() -> str:
    """One row for each cell."""
    rows = [("name", "what it is", "source", "gates", "state", "parameters")]
    rows += [("---", "---", "---", "---", "---", "---:")]
    rows += [
        (
            f"[`{cell.name}`](#{cell.name})",
            cell.description,
            cell.source,
            " ".join(cell.gates),
            " ".join(cell.state),
            f"{cell.parameters(128, 128):,}",
        )
        for cell in cw.cells.values()
    ]
    lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{lines}\n\nParameters of one layer with 128 numbers in and 128 units, both biases included."


def section(cell: cw.Cell) -> str:
    """The equations of one cell."""
    vectors = f" Learned vectors, one number per unit: {', '.join(cell.vectors)}." if cell.vectors else ""
    return f"## {cell.name}\n\n{cell.summary}{vectors}\n\n```\n{cell.equations()}\n```"


if __name__ == "__main__":
    sys.stdout.write(page())
