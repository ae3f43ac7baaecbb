"""Servers with a limit of rate that nobody knows, as plain objects on any clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

Clock = Callable[[], float]


class BucketLimit:
    """Lets `rate` requests a second through, `burst` at once after a rest."""

    def __init__(self, rate: float, burst: float, clock: Clock) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self.level, self._at = burst, clock()

    def admit(self) -> bool:
        now = self._clock()
        self.level = min(self._burst, self.level + (now - self._at) * self._rate)
        self._at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


class WindowLimit:
    """Lets `most` requests through in any window of so many seconds."""

    def __init__(self, most: int, seconds: float, clock: Clock) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._times: deque[float] = deque()

    def admit(self) -> bool:
        now = self._clock()
        while self._times and self._times[0] <= now - self._seconds:
            self._times.popleft()
        if len(self._times) >= self._most:
            return False
        self._times.append(now)
        return True


class ClockLimit:
    """Lets `most` requests through in each window of the clock."""

    def __init__(self, most: int, seconds: float, clock: Clock) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._window, self._count = -1, 0

    def admit(self) -> bool:
        window = int(self._clock() / self._seconds)
        if window != self._window:
            self._window, self._count = window, 0
        self._count += 1
        return self._count <= self._most
