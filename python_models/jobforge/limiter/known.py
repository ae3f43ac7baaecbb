"""A limit that is known: the caller's own, the server's, or the tighter of both."""

from __future__ import annotations

from jobforge.limiter.bucket import TokenBucket
from jobforge.limiter.headers import LimitHint

__all__ = ["KnownLimit"]

_SECONDS_IN_STORE = 0.1


class KnownLimit:
    """How much may be taken, of requests or of tokens; `per_second` is the caller's own limit."""

    def __init__(self, per_second: float | None, now: float) -> None:
        self._own = _smooth(per_second, now) if per_second else None
        self._servers: TokenBucket | None = None
        self._taken = 0.0
        self._newest = -1

    def wait(self, amount: float, now: float) -> float:
        """Return the seconds until the amount may be taken, 0 where it may be now."""
        buckets = (self._own, self._servers)
        return max((b.wait(amount, now) for b in buckets if b), default=0.0)

    def is_own(self, amount: float, now: float) -> bool:
        """Say whether it is the caller's own limit that the amount waits for."""
        return self._own is not None and self._own.wait(amount, now) >= self.wait(amount, now)

    def take(self, amount: float, now: float) -> float:
        """Take an amount; return all that was ever taken, this included."""
        for bucket in (self._own, self._servers):
            if bucket:
                bucket.take(amount, now)
        self._taken += amount
        return self._taken

    def learn(
        self, hint: LimitHint, taken: float | None, number: int, sent_at: float, now: float
    ) -> None:
        """Put the server's bucket right: what it had left, less what was sent since.

        number, sent_at: the request's whose reply it is. taken: what `take` gave for it, or None
        where the limit was not known then. Replies that come late change nothing.
        """
        if number < self._newest:
            return
        self._newest = number
        rate = hint.per_second
        since = 0.0 if taken is None else self._taken - taken
        level = hint.remaining - since + rate * (now - sent_at)
        if self._servers is None:
            self._servers = TokenBucket(rate, hint.limit, now)
        self._servers.correct(level, now, rate=rate, capacity=hint.limit)


def _smooth(per_second: float, now: float) -> TokenBucket:
    # Little in store, so that no second sees more than its share.
    return TokenBucket(per_second, max(1.0, per_second * _SECONDS_IN_STORE), now)
