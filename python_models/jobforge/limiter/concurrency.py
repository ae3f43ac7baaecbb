"""How many requests may be in flight, learnt from how the server bears them.

Starts low and doubles as long as that brings more replies a second: a server that works on a few
requests at a time only queues the rest, and a queue brings nothing but time-outs. A fault of the
server cuts the limit once for all requests that were in flight with it (AIMD, as in TCP).
"""

from __future__ import annotations

from jobforge.errors import SettingsError

__all__ = ["Concurrency"]

_CUT = 0.7
_GAIN = 1.15  # a doubling must bring at least this many times the replies a second
_POOR_WINDOWS = 2
_QUIET_WINDOWS = 20


class Concurrency:
    """An adaptive bound between 1 and `most`. Raises SettingsError where a bound is below 1."""

    def __init__(self, most: int, start: int = 8) -> None:
        if most < 1 or start < 1:
            raise SettingsError(f"at least one request must be in flight, not {min(most, start)}")
        self.most = most
        self._limit = float(min(start, most))
        self._before_trial: float | None = self._limit
        self._replies = 0
        self._seconds = 0.0
        self._best = 0.0
        self._poor = 0
        self._quiet = 0
        self._cut_number = 0

    @property
    def limit(self) -> int:
        """How many may be in flight now."""
        return int(self._limit)

    def replied(self, seconds: float, in_use: int) -> None:
        """Note a reply and how long it took; `in_use` is how many were in flight with it."""
        if in_use < self.limit or self.limit >= self.most:
            return
        self._replies += 1
        self._seconds += seconds
        if self._replies < self.limit:
            return
        # By Little's law: replies a second while the limit was in use.
        through = self.limit * self._replies / max(self._seconds, 1e-6)
        self._replies, self._seconds = 0, 0.0
        self._judge(through)

    def failed(self, number: int, newest: int) -> None:
        """Note a fault; `number` is the request's, `newest` that of the last one sent."""
        if number <= self._cut_number:
            return
        self._cut_number = newest
        self._limit = max(1.0, self._limit * _CUT)
        self._best *= _CUT
        self._before_trial, self._poor, self._quiet = None, 0, 0

    def _judge(self, through: float) -> None:
        if self._before_trial is not None and through >= self._best * _GAIN:
            self._best = through
            self._try(2.0)
        elif self._before_trial is not None:
            self._poor += 1
            if self._poor >= _POOR_WINDOWS:
                # More in flight brought nothing more.
                self._limit, self._before_trial = self._before_trial, None
        else:
            self._best = max(through, self._best * 0.95)
            self._quiet += 1
            if self._quiet >= _QUIET_WINDOWS:
                self._try(1.5)

    def _try(self, factor: float) -> None:
        self._before_trial, self._poor, self._quiet = self._limit, 0, 0
        self._limit = min(float(self.most), max(self._limit + 1, self._limit * factor))
