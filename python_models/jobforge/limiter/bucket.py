"""A token bucket: what may be taken now, and how long until more may be."""

from __future__ import annotations

from jobforge.errors import SettingsError

__all__ = ["TokenBucket"]


class TokenBucket:
    """Refills at `rate` a second up to `capacity`; what is taken may leave it in debt.

    An amount larger than the capacity may be taken from a full bucket, and the debt is worked off
    before the next: a request is never too large to be sent at all. Times are seconds of any
    steady clock. Raises SettingsError for a rate or a capacity that is not above 0.
    """

    def __init__(self, rate: float, capacity: float, now: float) -> None:
        if not (rate > 0 and capacity > 0):
            raise SettingsError(f"a limit must be above 0: rate {rate:g}, capacity {capacity:g}")
        self.rate = rate
        self.capacity = capacity
        self._level = capacity
        self._at = now

    def level(self, now: float) -> float:
        """Return what is in the bucket, which is below 0 where it is in debt."""
        return min(self.capacity, self._level + (now - self._at) * self.rate)

    def wait(self, amount: float, now: float) -> float:
        """Return the seconds until the amount may be taken, 0 where it may be now."""
        missing = min(amount, self.capacity) - self.level(now)
        return missing / self.rate if missing > 1e-6 else 0.0

    def take(self, amount: float, now: float) -> None:
        """Take an amount."""
        self._set(self.level(now) - amount, now)

    def correct(self, level: float, now: float, *, rate: float, capacity: float) -> None:
        """Put the bucket where the server says it is."""
        self.rate = rate
        self.capacity = capacity
        self._set(min(level, capacity), now)

    def _set(self, level: float, now: float) -> None:
        self._level, self._at = level, now
