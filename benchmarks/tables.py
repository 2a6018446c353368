"""A result as tables of text, which the terminal and the README show alike."""

from collections.abc import Iterator
from dataclasses import dataclass

from .cases import MODES, OTHER_WAYS, Comparison
from .family import SHAPE
from .goals import chosen, goals
from .limits import Limits
from .result import Result


@dataclass(frozen=True)
class Table:
    """A heading, the names of the columns, and the rows."""

    title: str
    columns: list[str]
    rows: list[list[str]]


def conditions(result: Result) -> str:
    """One line on machine, libraries and day."""
    machine = ", ".join(result.machine.values())
    libraries = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    limits = result.limits
    return (
        f"{machine}; {libraries}; {result.date}. The limits of this processor, measured beside: "
        f"{limits.gflops:.0f} GFLOP/s; {limits.l2_gb_per_second:.0f} GB/s from the second-level caches, "
        f"{limits.l3_gb_per_second:.0f} GB/s beyond."
    )


def summary(result: Result) -> Table:
    """What there was to reach, and what was reached."""
    rows = [[goal.measure, goal.reach, goal.got, "yes" if goal.met else "no"] for goal in goals(result)]
    return Table("What it set out to reach", ["measure", "reach", "got", "met"], rows)


def speed(result: Result) -> Iterator[Table]:
    """The plain call over all shapes."""
    for mode in MODES:
        yield speed_table(f"LSTM, {mode}", chosen(result, "plain", mode), result.limits)


def other_times(result: Result) -> Iterator[Table]:
    """The other ways of calling, and long sequences."""
    for mode in MODES:
        for way in OTHER_WAYS:
            yield speed_table(f"{way}, {mode}", chosen(result, way, mode), None)
        yield growth_table(f"Time per step, {mode}", chosen(result, "steps", mode))


def family(result: Result) -> Table:
    """Every cell beside the LSTM and beside its own Python loop."""
    rows = [
        [race.name, microseconds(race.seconds["kernel"]), f"{1 / race.ratio('lstm'):.2f}", f"{race.ratio('loop'):.1f}"]
        for race in result.family
    ]
    columns = ["cell", "us", "of the time of lstm", "times as fast as its Python loop"]
    return Table(f"Every cell, forward+backward, {SHAPE}", columns, rows)


def features(result: Result) -> Table:
    """What a layer offers beside the plain call."""
    rows = [
        [race.name, ", ".join(f"{name} {microseconds(seconds)}" for name, seconds in race.seconds.items())]
        for race in (*result.options, *result.features, *result.derivatives)
    ]
    return Table("Options, watching, resets, streaming, derivatives", ["", "us"], rows)


def speed_table(title: str, comparisons: list[Comparison], limits: Limits | None) -> Table:
    """Times in microseconds; `limits` adds our rate, and how near it comes to what this processor can do."""
    peers = [name for name in comparisons[0].seconds if name != "cellwright"]
    columns = ["shape", "cellwright us", *(f"{peer} us" for peer in peers), "times as fast"]
    rows = [
        [
            str(each.case.shape),
            microseconds(each.ours),
            *(microseconds(each.seconds[peer]) for peer in peers),
            f"{each.ratio:.2f}",
        ]
        for each in comparisons
    ]
    if limits:
        columns += ["GFLOP/s", "of the limit"]
        for row, each in zip(rows, comparisons, strict=True):
            row.append(f"{each.case.flops() / each.ours / 1e9:.0f}")
            row.append(f"{limits.least_seconds(each.case) / each.ours:.0%}")
    return Table(title, columns, rows)


def growth_table(title: str, comparisons: list[Comparison]) -> Table:
    """Microseconds per step as the sequence grows."""
    names = list(comparisons[0].seconds)
    rows = [
        [str(each.case.shape), *(f"{1e6 * each.seconds[name] / each.case.shape.steps:.2f}" for name in names)]
        for each in comparisons
    ]
    return Table(title, ["shape", *(f"{name} us per step" for name in names)], rows)


def microseconds(seconds: float) -> str:
    """Three digits, thousands apart.

    >>> microseconds(0.0123456), microseconds(1.234e-5)
    ('12,346', '12.3')
    """
    value = 1e6 * seconds
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"
