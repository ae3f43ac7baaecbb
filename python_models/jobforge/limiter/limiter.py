"""A shared limiter of requests, of tokens and of how much is in flight.

It knows nothing of what is sent. Three things decide when the next one may go, and all must agree:

- the limits that are known, as token buckets: those that the caller sets, and those that replies
  name in `x-ratelimit-*` headers, corrected by each reply with what was sent since;
- the pace that refusals without such headers teach (`pace`);
- the number in flight that the server bears (`concurrency`).

Whoever waits is served in the order of arrival, what is sent again first. One event loop uses a
limiter; it is not for several threads.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Mapping

from jobforge.errors import SettingsError
from jobforge.limiter.concurrency import Concurrency
from jobforge.limiter.headers import read_rate_headers
from jobforge.limiter.known import KnownLimit
from jobforge.limiter.pace import Pace

__all__ = ["LimiterClosed", "RateLimiter", "Slot"]

_LONG_WAIT = 2.0
_ASKED = "the server asks to wait (Retry-After)"
_REFUSED = "the server refuses more (429)"


class LimiterClosed(Exception):
    """The limiter was closed: nothing more is to be sent."""


class RateLimiter:
    """Slots to send in, as `async with limiter.slot(tokens) as slot`.

    requests_per_minute, tokens_per_minute: limits to keep, or None where none is known.
    max_in_flight: the most that may be in flight, however well the server bears it.
    start_rate: requests a second to begin with, where no header tells the limit.
    start_in_flight: how many may be in flight to begin with.

    Raises SettingsError for a limit that is not above 0.
    """

    def __init__(
        self,
        *,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        max_in_flight: int = 256,
        start_rate: float = 20.0,
        start_in_flight: int = 8,
    ) -> None:
        for limit in (requests_per_minute, tokens_per_minute, start_rate):
            if limit is not None and not limit > 0:
                raise SettingsError(f"a limit must be above 0, not {limit:g}")
        self._per_minute = {"requests": requests_per_minute, "tokens": tokens_per_minute}
        self._start_rate = start_rate
        self._concurrency = Concurrency(max_in_flight, start_in_flight)
        self._buckets: dict[str, KnownLimit] = {}
        self._pace: Pace | None = None
        self._urgent: deque[Slot] = deque()
        self._waiting: deque[Slot] = deque()
        self._in_flight = 0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def slot(self, tokens: float = 0, *, urgent: bool = False) -> Slot:
        """Return a slot for one request of about so many tokens; `urgent` goes first."""
        return Slot(self, tokens, urgent)

    @property
    def in_flight(self) -> int:
        """How many slots are in use."""
        return self._in_flight

    @property
    def in_flight_limit(self) -> int:
        """How many slots may be in use now."""
        return self._concurrency.limit

    @property
    def rate(self) -> float:
        """The pace of sending in requests a second; known limits may be lower."""
        return self._pace.rate if self._pace else self._start_rate

    def held_up(self) -> tuple[float, str]:
        """Return for how many seconds nothing is let through, and why.

        The seconds are 0 where nobody waits, or only for what is in flight.
        """
        if self._closed or self._in_flight >= self._concurrency.limit:
            return 0.0, ""
        now = asyncio.get_running_loop().time()
        slots = itertools.chain(self._urgent, self._waiting)
        slot = next((one for one in slots if one.wake and not one.wake.done()), None)
        pace = self._paced(now)
        asked = pace.is_asked_to_pause(now)
        if slot is None:
            # Whoever was told to come back later is not here yet.
            return pace.wait(now) if asked else 0.0, _ASKED
        waits = [(pace.wait(now), _ASKED if asked else _REFUSED)]
        for name, bucket in self._buckets.items():
            amount = slot.amount(name)
            whose = "that was set" if bucket.is_own(amount, now) else "in the x-ratelimit headers"
            waits.append((bucket.wait(amount, now), f"the limit of {name} {whose}"))
        return max(waits)

    def close(self) -> None:
        """Let nothing more through: whoever waits gets LimiterClosed. In-flight ones finish."""
        self._closed = True
        if self._timer:
            self._timer.cancel()
        for slot in itertools.chain(self._urgent, self._waiting):
            slot._refuse()
        self._urgent.clear()
        self._waiting.clear()

    def _enter(self, slot: Slot) -> asyncio.Future[None] | None:
        """Let the slot through now and return None, or return what to wait for."""
        if self._closed:
            raise LimiterClosed
        loop = asyncio.get_running_loop()
        slot.wake = loop.create_future()
        (self._urgent if slot.urgent else self._waiting).append(slot)
        self._pump()
        return None if slot.wake.done() else slot.wake

    def _leave(self, slot: Slot) -> None:
        self._in_flight -= 1
        self._pump()

    def _pump(self) -> None:
        """Let through whoever may go; otherwise see to it that this is asked again in time."""
        loop = asyncio.get_running_loop()
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while queue := self._urgent or self._waiting:
            slot = queue[0]
            if slot.wake is None or slot.wake.done():
                queue.popleft()
                continue
            if self._in_flight >= self._concurrency.limit:
                return
            now = loop.time()
            wait = self._wait(slot, now)
            if wait > 0:
                self._timer = loop.call_later(wait, self._pump)
                return
            queue.popleft()
            self._take(slot, now)
            slot.wake.set_result(None)

    def _wait(self, slot: Slot, now: float) -> float:
        wait = self._paced(now).wait(now)
        for name, bucket in self._buckets.items():
            wait = max(wait, bucket.wait(slot.amount(name), now))
        return wait

    def _take(self, slot: Slot, now: float) -> None:
        self._in_flight += 1
        slot.number = self._paced(now).send(now)
        slot.sent_at = now
        slot.in_use = self._in_flight
        for name, bucket in self._buckets.items():
            slot.taken[name] = bucket.take(slot.amount(name), now)

    def _paced(self, now: float) -> Pace:
        if self._pace is None:
            self._pace = Pace(self._start_rate, now)
            for name, limit in self._per_minute.items():
                if limit is not None:
                    self._buckets[name] = KnownLimit(limit / 60, now)
        return self._pace

    def _replied(self, slot: Slot, headers: Mapping[str, str], seconds: float) -> None:
        self._concurrency.replied(seconds, slot.in_use)
        self._learn(slot, headers)

    def _refused(self, slot: Slot, headers: Mapping[str, str], retry_after: float | None) -> None:
        now = asyncio.get_running_loop().time()
        pace = self._paced(now)
        starved = pace.refused(slot.number, slot.sent_at, now)
        # A short wait is for the request itself, unless the others get nowhere either, not even
        # after two pauses: a limit that starts anew with the clock refuses all for a moment.
        if retry_after and (starved > 2 or retry_after > _LONG_WAIT):
            pace.pause(now + retry_after)
        self._learn(slot, headers)

    def _failed(self, slot: Slot, retry_after: float | None) -> None:
        now = asyncio.get_running_loop().time()
        pace = self._paced(now)
        self._concurrency.failed(slot.number, pace.sent)
        if retry_after:
            pace.pause(now + retry_after)

    def _learn(self, slot: Slot, headers: Mapping[str, str]) -> None:
        said = read_rate_headers(headers)
        now = asyncio.get_running_loop().time()
        for name, hint in (("requests", said.requests), ("tokens", said.tokens)):
            if hint is None:
                continue
            bucket = self._buckets.get(name)
            if bucket is None:
                bucket = self._buckets[name] = KnownLimit(None, now)
            bucket.learn(hint, slot.taken.get(name), slot.number, slot.sent_at, now)
        self._pump()


class Slot:
    """One request's place in the limiter; say what became of it before leaving."""

    def __init__(self, limiter: RateLimiter, tokens: float, urgent: bool) -> None:
        self._limiter = limiter
        self._tokens = tokens
        self.urgent = urgent
        self.number = 0
        self.sent_at = 0.0
        self.in_use = 0
        self.taken: dict[str, float] = {}
        self.wake: asyncio.Future[None] | None = None

    def amount(self, name: str) -> float:
        """How much of a limit this request takes."""
        return 1.0 if name == "requests" else self._tokens

    def replied(self, headers: Mapping[str, str], seconds: float) -> None:
        """The server replied, in so many seconds."""
        self._limiter._replied(self, headers, seconds)

    def refused(self, headers: Mapping[str, str], retry_after: float | None = None) -> None:
        """A limiter refused the request."""
        self._limiter._refused(self, headers, retry_after)

    def failed(self, retry_after: float | None = None) -> None:
        """The server or the connection failed."""
        self._limiter._failed(self, retry_after)

    async def __aenter__(self) -> Slot:
        waiting = self._limiter._enter(self)
        if waiting is not None:
            try:
                await waiting
            except asyncio.CancelledError:
                if waiting.done() and not waiting.cancelled() and not waiting.exception():
                    self._limiter._leave(self)
                raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._limiter._leave(self)

    def _refuse(self) -> None:
        if self.wake is not None and not self.wake.done():
            self.wake.set_exception(LimiterClosed())
