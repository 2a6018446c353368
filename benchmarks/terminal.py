"""The report on the terminal."""

import rich.table
from rich.console import Console

from .result import Result
from .tables import Table, conditions, family, features, other_times, speed, summary


def show(result: Result, console: Console) -> None:
    """Every table, the summary last."""
    for table in (*speed(result), *other_times(result), family(result), features(result)):
        show_table(table, console)
    console.print(f"\n{conditions(result)}")
    show_table(summary(result), console)


def show_table(table: Table, console: Console) -> None:
    """One table, its figures to the right."""
    drawn = rich.table.Table(title=table.title, title_justify="left", title_style="bold")
    for position, column in enumerate(table.columns):
        drawn.add_column(column, justify="right" if position else "left")
    for row in table.rows:
        drawn.add_row(*row)
    console.print()
    console.print(drawn)
