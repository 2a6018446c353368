"""How far a run is, and what follows from it: the learning rate, and when to measure."""

from __future__ import annotations

import math
import time

from .processes import from_first
from .recipe import TrainingSettings


class Clock:
    """Seconds of training, over all sittings of a run, and the same in all processes.

    It stands still between two looks at it, which all processes must take together: by it they decide what to do next.

    Attributes:
        seconds: at the last look.
    """

    def __init__(self) -> None:
        self.go_on(0.0)

    def go_on(self, seconds: float) -> None:
        """Go on from where an earlier sitting has ended."""
        self.begin = time.monotonic() - seconds
        self.seconds = seconds

    def look(self) -> float:
        """Seconds until now."""
        self.seconds = from_first(time.monotonic() - self.begin)
        return self.seconds


class Schedule:
    """A budget of minutes, epochs or both: whichever ends first.

    Args:
        settings: the budget, the learning rate and how often to measure.
        steps_per_epoch: batches in one epoch.

    >>> schedule = Schedule(TrainingSettings(epochs=2, validations=10), steps_per_epoch=50)
    >>> schedule.done(step=50, seconds=1e9), schedule.next_validation(done=0.5)
    (0.5, 0.64...)
    """

    def __init__(self, settings: TrainingSettings, steps_per_epoch: int) -> None:
        self.settings = settings
        self.steps_per_epoch = steps_per_epoch

    def done(self, step: int, seconds: float) -> float:
        """The share of the budget that is used up, from 0 to 1."""
        shares = [0.0]
        if self.settings.epochs is not None:
            shares.append(step / math.ceil(self.settings.epochs * self.steps_per_epoch))
        if self.settings.minutes is not None:
            shares.append(seconds / (60 * self.settings.minutes))
        return min(1.0, max(shares))

    def learning_rate(self, done: float) -> float:
        """The learning rate: a linear rise, then half a cosine down to zero (Loshchilov & Hutter, 2017).

        >>> schedule = Schedule(TrainingSettings(learning_rate=1.0, warm_up=0.2, epochs=1), 100)
        >>> [round(schedule.learning_rate(done), 3) for done in (0.1, 0.2, 0.6, 1.0)]
        [0.5, 1.0, 0.5, 0.0]
        """
        highest, rise = self.settings.learning_rate, self.settings.warm_up
        if done < rise:
            return highest * max(done, rise / 100) / rise
        return highest * (1 + math.cos(math.pi * (done - rise) / (1 - rise))) / 2

    def next_validation(self, done: float) -> float:
        """The share at which to measure next: squares of equal steps, since most is learned at first."""
        tiny = 1e-9  # a share that stands exactly on a validation counts as past it
        times = self.settings.validations
        return min(1.0, ((math.floor(math.sqrt(done) * times + tiny) + 1) / times) ** 2)
