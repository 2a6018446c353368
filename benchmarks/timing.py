"""How a time is taken: blocks in turn, the best of many calls.

The threads of one library go on spinning for a while after a call and slow down the next library. So each
contender has blocks of its own, which begin with a pause and a call that does not count, and the blocks go
round several times.
"""

import math
import time
from collections.abc import Callable, Mapping

PAUSE = 0.02
FEWEST_ROUNDS, MOST_ROUNDS = 3, 10

Call = Callable[[], object]


def best_times(calls: Mapping[str, Call], budget: float) -> dict[str, float]:
    """The shortest time of each call in seconds, from about `budget` seconds of calls each."""
    estimates = {name: block(call, 1) for name, call in calls.items()}
    calls_in_budget = budget / (2 * max(estimates.values()))
    rounds = min(max(int(calls_in_budget), FEWEST_ROUNDS), MOST_ROUNDS)
    best = dict.fromkeys(calls, math.inf)
    for _ in range(rounds):
        for name, call in calls.items():
            repetitions = max(1, int(budget / rounds / estimates[name]))
            best[name] = min(best[name], block(call, repetitions))
    return best


def block(call: Call, repetitions: int) -> float:
    """The shortest of some calls in a row."""
    time.sleep(PAUSE)
    call()
    return min(seconds(call) for _ in range(repetitions))


def seconds(call: Call) -> float:
    """One call on the clock, the release of its result included."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
