"""The command line of the benchmark."""

import argparse
import re
from collections.abc import Callable
from contextlib import nullcontext

import torch
from rich.console import Console

from .agreement import check_agreement
from .cases import Case, Comparison, all_cases
from .contenders import contenders
from .derivatives import measure_derivatives
from .family import measure_family, measure_features, measure_options
from .inspector import measure_inspector
from .limits import measure_limits
from .machine import describe_machine, today, versions
from .memory import measure_held
from .readme import rewrite
from .result import Result, latest
from .startup import measure_startup
from .tables import microseconds
from .terminal import show
from .timing import best_times

BUDGET, QUICK_BUDGET = 1.5, 0.15


def main() -> None:
    """Measure and report, or show the latest result in the README."""
    options = parse()
    console = Console()
    if options.command == "readme":
        show_in_readme(console)
    elif options.only:
        measure_some(options.only, options.budget, console)
    else:
        measure_all(options.budget, not options.quick, console)


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Cellwright beside torch.nn.LSTM and ONNX Runtime: one process, in turn, best of many.",
        epilog="Example: python -m benchmarks --only 'plain inference .* H128'",
    )
    parser.add_argument(
        "command",
        nargs="?",
        choices=["run", "readme"],
        default="run",
        help="run: measure and keep the result; readme: show the latest result in README.md",
    )
    parser.add_argument("--quick", action="store_true", help="less time for each call; the result is not kept")
    parser.add_argument("--only", metavar="PATTERN", help="what to measure, as a regular expression; not kept")
    options = parser.parse_args()
    options.budget = QUICK_BUDGET if options.quick else BUDGET
    return options


def measure_all(budget: float, keep: bool, console: Console) -> None:
    """Everything, then the tables."""
    result = Result(
        date=today(),
        machine=describe_machine(),
        versions=versions("torch", "onnxruntime", "llvmlite", "numpy"),
        limits=measure_limits(budget),
        comparisons=[compare(case, budget, console) for case in all_cases()],
        held=measure_held(),
        startup=measure_startup(),
        family=measure_family(budget),
        options=measure_options(budget),
        features=measure_features(budget),
        derivatives=measure_derivatives(budget),
        inspector=measure_inspector(budget),
    )
    if result.inspector is None:
        console.print("Chromium was not found: nothing about the inspector")
    show(result, console)
    if keep:
        console.print(f"\nkept in benchmarks/results/{result.save().name}; python -m benchmarks readme shows it")


def measure_some(pattern: str, budget: float, console: Console) -> None:
    """What the pattern finds among the cases and the other parts of a result, by their names."""
    wanted = re.compile(pattern, re.IGNORECASE)
    for case in filter(lambda case: wanted.search(str(case)), all_cases()):
        compare(case, budget, console)
    others: dict[str, Callable[[], object]] = {
        "limits": lambda: measure_limits(budget),
        "held": measure_held,
        "startup": measure_startup,
        "family": lambda: measure_family(budget),
        "options": lambda: measure_options(budget),
        "derivatives": lambda: measure_derivatives(budget),
        "features": lambda: measure_features(budget),
        "inspector": lambda: measure_inspector(budget),
    }
    for name, measure in others.items():
        if wanted.search(name):
            console.print(measure())


def compare(case: Case, budget: float, console: Console) -> Comparison:
    """Time one case and print its line."""
    with torch.inference_mode() if case.mode == "inference" else nullcontext():
        calls = contenders(case)
        check_agreement(calls)
        comparison = Comparison(case, best_times(calls, budget))
    times = ", ".join(f"{name} {microseconds(seconds)}" for name, seconds in comparison.seconds.items())
    console.print(f"{case}: {times} us; {comparison.ratio:.2f} x", highlight=False, soft_wrap=True)
    return comparison


def show_in_readme(console: Console) -> None:
    """Rewrite the block of the README."""
    result = latest()
    if result is None:
        raise SystemExit("no result yet: run make bench first")
    rewrite(result)
    console.print(f"README.md shows the result of {result.date}")


main()
