"""The rate of sending, learnt from refusals where no header tells it.

1. Search. Sending starts gently and doubles every second until refusals pile up, as slow start does
   in TCP (RFC 5681), so that an unknown limit is passed by little.
2. Measure. Between two waves of refusals a limiter that was empty at both let through exactly what
   came back to it: what was admitted over the time between is the limit. TCP's halving guesses it.
   Where the server asked for a pause in between, it is no less than most of what was let through.
3. Balance. From then on every send raises the rate a little and every refusal lowers it by a fixed
   multiple of that, as in multiplicative weights: the rate comes to rest where one request in
   `1 / _SHARE` is refused, whatever the limiter's kind, its burst and the jitter of the network.

A wave of refusals never lowers the rate far below what was admitted lately. Where nothing at all
gets through, sending pauses, twice as long each time: a limiter with long windows needs that.
"""

from __future__ import annotations

import math
from collections import deque

__all__ = ["Pace"]

_DOUBLING_SECONDS = 1.0
_PILE, _PILE_OF = 3, 30  # the search ends with this many refusals among so many sends
_SHARE = 0.015
_STEP = 0.0006
_GROWTH_SECONDS = 30.0  # a slow sender's rate grows by the clock as well, e-fold in this time
_FLOOR = 0.85
_LATELY = 2.0
_FEWEST_ADMITTED = 10
_SLOWEST = 0.02
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_BURST, _BURST_SECONDS = 4.0, 0.2


class Pace:
    """When the next request may go; times are seconds of a steady clock.

    `rate` is in requests a second. Sends are spaced evenly, but for a short burst that makes up for
    late wake-ups.
    """

    def __init__(self, start_rate: float, now: float) -> None:
        self.rate = start_rate
        self._next = now
        self._paused_until = self._asked_until = now
        self._last_send = now
        self.sent = 0
        self._searching = True
        self._refused = 0
        self._refused_numbers: deque[int] = deque(maxlen=_PILE)
        self._wave_sent = 0
        self._wave_admitted = -1
        self._mark: tuple[float, int] | None = None
        self._found = 0.0
        self._was_asked_to_pause = False
        self._balanced = False
        self._starved = 0
        self._lately: deque[tuple[float, int]] = deque()

    def wait(self, now: float) -> float:
        """Return the seconds until the next request may go, 0 where it may go now."""
        return max(0.0, self._next - now, self._paused_until - now)

    def is_asked_to_pause(self, now: float) -> bool:
        """Say whether the server asked for the pause that there is now."""
        return now < self._asked_until

    def send(self, now: float) -> int:
        """Note that a request goes now; return its number."""
        if self._searching:
            # One step a send: a rate that is not used does not grow.
            self.rate += math.log(2) / _DOUBLING_SECONDS
        elif not self._balanced:
            self.rate += math.log(2) / _DOUBLING_SECONDS
        else:
            # Faster, the longer the rate has been below what is let through.
            quiet = (self.sent - self._refused_numbers[-1]) * _SHARE
            passed = min(now - self._last_send, 1.0)
            self.rate *= 1 + max(_STEP, passed / _GROWTH_SECONDS) * max(1.0, quiet / 3)
        self._last_send = now
        self.sent += 1
        late = max(_BURST / self.rate, _BURST_SECONDS)
        self._next = max(self._next, now - late) + 1.0 / self.rate
        if not self._lately or now - self._lately[-1][0] >= _LATELY / 20:
            self._lately.append((now, self.sent - self._refused))
        while self._lately[0][0] < now - _LATELY:
            self._lately.popleft()
        return self.sent

    def pause(self, until: float) -> None:
        """Send nothing before that time: the server asks for it."""
        self._was_asked_to_pause = True
        self._asked_until = max(self._asked_until, until)
        self._paused_until = max(self._paused_until, until)

    def refused(self, number: int, sent_at: float, now: float) -> int:
        """Note that a limiter refused a request, whose `number` is what `send` gave for it.

        Return how many waves of refusals followed each other with nothing let through between.
        """
        self._refused += 1
        self._refused_numbers.append(number)
        admitted = number - self._refused
        wave = number > self._wave_sent
        starved = wave and admitted <= self._wave_admitted
        if wave:
            self._wave_sent, self._wave_admitted = self.sent, admitted
            self._starved = self._starved + 1 if starved else 0
            if starved:
                pause = min(_FIRST_PAUSE * 2.0 ** min(self._starved - 1, 10), _LONGEST_PAUSE)
                self._paused_until = max(self._paused_until, now + pause)
        self._lower(admitted, sent_at, now, wave, starved)
        self._next = max(self._next, self._paused_until, now + 1.0 / self.rate)
        return self._starved

    def _lower(self, admitted: int, sent_at: float, now: float, wave: bool, starved: bool) -> None:
        first, last = self._refused_numbers[0], self._refused_numbers[-1]
        piled = len(self._refused_numbers) == _PILE and last - first < _PILE_OF
        if self._searching and piled:
            self._searching = False
            self._mark = (sent_at, admitted)
            self._found = self._admitted_lately(now)
            self.rate = max(_SLOWEST, self.rate / 3)
        elif wave and not starved and self._mark and not self._balanced:
            then, admitted_then = self._mark
            if admitted - admitted_then >= _FEWEST_ADMITTED and sent_at > then:
                self._balanced = True
                measured = (admitted - admitted_then) / (sent_at - then)
                least = _FLOOR * self._found if self._was_asked_to_pause else 0.0
                self.rate = min(self.rate, max(measured, least))
        else:
            floor = 0.0 if starved else _FLOOR * self._admitted_lately(now)
            lowered = self.rate * (1 - _STEP / _SHARE)
            self.rate = max(_SLOWEST, lowered, min(self.rate, floor))

    def _admitted_lately(self, now: float) -> float:
        if not self._lately:
            return 0.0
        then, admitted_then = self._lately[0]
        through = self.sent - self._refused - admitted_then
        return through / max(now - then, 0.5)
