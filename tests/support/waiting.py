"""Waiting for events instead of for a while, and clocks that no busy machine can hurry.

The only bound that looks at the machine's clock is HANG_SECONDS: it ends what would hang for ever.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
import time
from collections.abc import Callable
from typing import Any

__all__ = ["HANG_SECONDS", "Clock", "CountedWaits", "WaitedTime", "until"]

HANG_SECONDS = 1200.0


def until(reached: Callable[[], object], going_on: Callable[[], object] = lambda: True) -> None:
    """Wait for a moment; fail where what should bring it does not go on any more, or hangs."""
    end = time.monotonic() + HANG_SECONDS
    while not reached():
        # What went on when it was asked may have brought the moment before it ended.
        if not going_on() and not reached():
            raise AssertionError("it ended before the moment came")
        assert time.monotonic() < end, "the moment never came"
        time.sleep(0.005)


class Clock:
    """A clock that a test moves."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        """Let so many seconds pass, as a sleep would."""
        self.now += seconds


class CountedWaits(threading.Event):
    """A stop whose waits take no time but that of a clock; `waits` has them.

    stop_at: the wait at which it is set, as by a Ctrl-C that comes meanwhile. late: the waits that
    were begun although it was set.
    """

    def __init__(self, clock: Clock | None = None, *, stop_at: int | None = None) -> None:
        super().__init__()
        self.clock = clock or Clock()
        self.waits: list[float] = []
        self.late = 0
        self._stop_at = stop_at

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None, "this would wait for ever"
        self.late += self.is_set()
        self.waits.append(timeout)
        self.clock.now += timeout
        if len(self.waits) == self._stop_at:
            self.set()
        return self.is_set()


class WaitedTime:
    """The time of event loops that counts their waiting and not their work.

    However slow the machine, a timer of a second takes a second of it, and computing takes none.
    As a test's `asyncio.events.new_event_loop` it is the clock of every loop that begins.
    """

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return a new loop with this time."""
        return _WaitingLoop(self)


class _WaitingLoop(asyncio.SelectorEventLoop):
    def __init__(self, waited: WaitedTime) -> None:
        self._waited = waited
        super().__init__(_TimedSelector(waited))

    def time(self) -> float:
        return self._waited.now


class _TimedSelector(selectors.DefaultSelector):
    def __init__(self, waited: WaitedTime) -> None:
        super().__init__()
        self._time = waited

    def select(self, timeout: float | None = None) -> Any:
        begun = time.monotonic()
        found = super().select(timeout)
        if timeout is not None and timeout > 0:
            # What comes late because the machine is busy comes as late as it was waited for.
            took = timeout if not found else min(timeout, time.monotonic() - begun)
            self._time.now += took
        return found
