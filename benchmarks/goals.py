"""What the library sets out to reach, and what a result shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from cellwright import cells

from .cases import MODES, OTHER_WAYS, Comparison, Mode, Way
from .result import Result


@dataclass(frozen=True)
class Goal:
    """One line of the summary."""

    measure: str
    reach: str
    got: str
    met: bool


def goals(result: Result) -> list[Goal]:
    """Every goal, in the order of the report."""
    return [
        *speed_goals(result),
        *way_goals(result),
        *growth_goals(result),
        *held_goals(result),
        *startup_goals(result),
        *family_goals(result),
        *option_goals(result),
        *feature_goals(result),
        *derivative_goals(result),
        *inspector_goals(result),
    ]


def speed_goals(result: Result) -> Iterator[Goal]:
    """Inference against the best peer, one call, forward+backward against torch."""
    inference = chosen(result, "plain", "inference")
    long = [each.ratio for each in inference if each.case.shape.steps > 1]
    yield mean_goal("inference, T > 1, against the best of torch and ONNX Runtime", long, 1.25, 0.9)
    one = min(each.seconds["torch"] / each.ours for each in inference if each.case.shape.steps == 1)
    yield Goal("one call at T = 1, B = 1, H = 128, against torch", "4 x", f"{one:.2f} x", one >= 4)
    yield mean_goal("forward+backward against torch", ratios(result, "plain", "forward+backward"), 1.5, 1.0)


def way_goals(result: Result) -> Iterator[Goal]:
    """What torch does without oneDNN."""
    for way in OTHER_WAYS:
        for mode in MODES:
            mean = geometric_mean(ratios(result, way, mode))
            yield Goal(f"{way}, {mode}, against torch's own way", "3 x", f"{mean:.2f} x", mean >= 3)


def growth_goals(result: Result) -> Iterator[Goal]:
    """A long sequence costs no more per step than a short one."""
    for mode in MODES:
        per_step = {each.case.shape.steps: each.ours / each.case.shape.steps for each in chosen(result, "steps", mode)}
        growth = per_step[100_000] / per_step[1_000]
        measure = f"time per step at T = 100,000 against T = 1,000, {mode}"
        yield Goal(measure, "at most 1.10 x", f"{growth:.2f} x", growth <= 1.10)


def held_goals(result: Result) -> Iterator[Goal]:
    """Backward keeps the gates and the states."""
    for held in result.held:
        measure = f"held for backward by {held.cell}, numbers per step, row and unit"
        met = held.numbers <= held.gates_and_states
        yield Goal(measure, f"{held.gates_and_states}", f"{held.numbers:g}", met)


def startup_goals(result: Result) -> Iterator[Goal]:
    """What a user waits for at first."""
    times = result.startup
    for measure, reach, got in (
        ("first call of a cell, cold", 6, times.first_call_cold),
        ("first call of a cell, cached on disk", 0.5, times.first_call_cached),
        ("first forward+backward of a cell, cold", 6, times.first_training_cold),
        ("first forward+backward of a cell, cached on disk", 0.5, times.first_training_cached),
        ("import cellwright beyond import torch", 0.5, times.import_beyond_torch),
    ):
        yield Goal(measure, f"{reach} s", f"{got:.2f} s", got <= reach)


def family_goals(result: Result) -> Iterator[Goal]:
    """A variant costs no more than its gates, and far less than a Python loop."""
    costs = {race.name: 1 / race.ratio("lstm") for race in result.family if len(cells[race.name].gates) == 4}
    normed = costs.pop("layer_norm")
    most = max(costs.values())
    yield Goal("pointwise cells of four gates against lstm", "at most 1.15 x", f"at most {most:.2f} x", most <= 1.15)
    yield Goal("layer_norm against lstm", "at most 1.5 x", f"{normed:.2f} x", normed <= 1.5)
    least = min(race.ratio("loop") for race in result.family)
    yield Goal("cells against their own Python loop", "10 x", f"at least {least:.1f} x", least >= 10)


def option_goals(result: Result) -> Iterator[Goal]:
    """An option costs hardly anything."""
    for race in result.options:
        cost = 1 / race.ratio("plain")
        yield Goal(f"{race.name} against none, forward+backward", "at most 1.1 x", f"{cost:.2f} x", cost <= 1.1)


def derivative_goals(result: Result) -> Iterator[Goal]:
    """What a transform of PyTorch makes of a layer is as much faster than a loop as the layer."""
    for race in result.derivatives:
        least = 5 if race.name == "gradients of single samples" else 1
        got = race.ratio("loop")
        yield Goal(f"{race.name} against a loop over the steps", f"{least} x", f"{got:.2f} x", got >= least)


def inspector_goals(result: Result) -> Iterator[Goal]:
    """Looking inside costs little, and the page is quick and small."""
    found = result.inspector
    if found is None:
        return
    for measure, most, unit, got in (
        ("inspect against the plain call, T = 10,000, 2 layers of 256", 2, "x", found.capture),
        ("page, 100,000 steps of 512 units: first view", 3, "s", found.first_view),
        ("pan and zoom, median", 50, "ms", 1e3 * found.moved),
        ("pan and zoom, the slowest twentieth", 150, "ms", 1e3 * found.moved_at_worst),
        ("memory of its server, a file of 2 GB", 500, "MB", found.held),
        ("size of the page", 250, "kB", found.page),
    ):
        yield Goal(measure, f"at most {most} {unit}", f"{got:.3g} {unit}", got <= most)


def feature_goals(result: Result) -> Iterator[Goal]:
    """Watching, resets, streaming, projection and half precision."""
    found = {race.name: race for race in result.features}
    for name, measure, most in (
        ("trace", "trace against the plain call, inference", 1.3),
        ("resets", "resets at random steps against none, forward+backward", 1.05),
        ("projection", "projection to half the units against none, forward+backward", 1.5),
    ):
        got = 1 / found[name].ratio("plain")
        yield Goal(measure, f"at most {most} x", f"{got:.2f} x", got <= most)
    for name, other, measure, least in (
        ("resets", "loop", "resets against torch step by step", 10),
        ("stream", "torch", "one streamed step, B = 1, H = 128, against torch", 8),
        ("stream", "onnxruntime", "one streamed step against ONNX Runtime", 1.5),
        ("bfloat16", "plain", "bfloat16 under autocast against float32, forward+backward", 1.5),
    ):
        got = found[name].ratio(other)
        yield Goal(measure, f"{least} x", f"{got:.2f} x", got >= least)


def mean_goal(measure: str, values: list[float], mean: float, least: float) -> Goal:
    """A geometric mean to reach, and no value under the least."""
    got, lowest = geometric_mean(values), min(values)
    reach = f"{mean} x, none under {least}"
    return Goal(measure, reach, f"{got:.2f} x, lowest {lowest:.2f}", got >= mean and lowest >= least)


def chosen(result: Result, way: Way, mode: Mode) -> list[Comparison]:
    """The comparisons of one table, in the order they were measured."""
    return [each for each in result.comparisons if (each.case.way, each.case.mode) == (way, mode)]


def ratios(result: Result, way: Way, mode: Mode) -> list[float]:
    """How many times as fast as the best peer, shape by shape."""
    return [each.ratio for each in chosen(result, way, mode)]


def geometric_mean(values: list[float]) -> float:
    """The mean of ratios."""
    return prod(values) ** (1 / len(values))
