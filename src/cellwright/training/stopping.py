"""Ctrl-C and the like: finish the step, keep the run, say how to go on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from ..errors import RunError

Handler = Callable[[int, FrameType | None], Any] | int | None


class Stopped(RunError):
    """A run was stopped by a signal, and can be resumed."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + number


class StopRequest:
    """While it is entered, the first SIGINT or SIGTERM is noted, and a second one stops at once.

    Args:
        remedy: the command that resumes.

    >>> with StopRequest("resume") as request:
    ...     signal.raise_signal(signal.SIGINT)
    ...     request.number == signal.SIGINT
    True
    """

    def __init__(self, remedy: str) -> None:
        self.remedy = remedy
        self.number: int | None = None
        self.earlier: dict[int, Handler] = {}

    def __enter__(self) -> StopRequest:
        self.earlier = self.listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self.earlier.items():
            signal.signal(number, handler)

    def listen(self) -> dict[int, Handler]:
        """Handle the signals from here on; who handled them before. Only a main thread can."""
        if threading.current_thread() is not threading.main_thread():
            return {}
        return {number: signal.signal(number, self.noted) for number in (signal.SIGINT, signal.SIGTERM)}

    def noted(self, number: int, frame: FrameType | None) -> None:
        """Note the first signal; stop at the second."""
        if self.number is not None:
            raise self.stopped("at once; what was learned since the last checkpoint is lost")
        self.number = number

    def stopped(self, how: str) -> Stopped:
        """The error that ends the run."""
        return Stopped(f"stopped {how}; continue with: {self.remedy}", self.number or signal.SIGINT)
