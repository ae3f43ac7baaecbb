"""What a server says about its limits: Retry-After and the `x-ratelimit-*` headers.

Durations come as `120ms`, `6m0s`, `1h2m3.5s` or as plain seconds. What cannot be read is as good as
not said: a header never stops a run.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = [
    "LimitHint",
    "RateHeaders",
    "asked_wait",
    "parse_duration",
    "read_rate_headers",
    "retry_after",
]

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|h|m|s)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_PERIODS = (1.0, 60.0, 3600.0, 86400.0)


@dataclass(frozen=True, slots=True)
class LimitHint:
    """One limit as a reply names it: how much, what is left, and seconds until it is whole again.

    `reset` is None where the server does not say.
    """

    limit: float
    remaining: float
    reset: float | None = None

    @property
    def per_second(self) -> float:
        """The rate at which the limit comes back.

        A server that refills continuously tells its period by what is missing and how long that
        takes; otherwise the limit is one a minute, which is what such headers mean by custom.
        """
        missing = self.limit - self.remaining
        if self.reset and missing > 0:
            refill = missing / self.reset
            for period in _PERIODS:
                if math.isclose(refill, self.limit / period, rel_tol=0.25):
                    return self.limit / period
        return self.limit / 60.0


@dataclass(frozen=True, slots=True)
class RateHeaders:
    """The limits that one reply names."""

    requests: LimitHint | None = None
    tokens: LimitHint | None = None


def read_rate_headers(headers: Mapping[str, str]) -> RateHeaders:
    """Return the limits in a reply's headers, whose names are in lower case."""
    return RateHeaders(_hint(headers, "requests"), _hint(headers, "tokens"))


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the seconds that the server asks to wait, or None where it does not ask.

    Reads `retry-after-ms`, and `retry-after` in seconds or as a date.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000.0
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None or not text:
        return seconds
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def asked_wait(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the seconds to wait by `retry-after`, or else until a limit that is used up is whole.

    The latter is `x-ratelimit-reset` beside an `x-ratelimit-remaining` of 0: a duration, or a
    moment in seconds or milliseconds since 1970.
    """
    seconds = retry_after(headers, now)
    if seconds is not None or _number(headers.get("x-ratelimit-remaining")) != 0:
        return seconds
    reset = parse_duration(headers.get("x-ratelimit-reset"))
    if reset is None or reset < 1e9:
        return reset
    moment = reset / 1000.0 if reset > 1e11 else reset
    return max(0.0, moment - (now or datetime.now(UTC)).timestamp())


def parse_duration(text: str | None) -> float | None:
    """Return a duration in seconds, or None where the text is none."""
    text = (text or "").strip().lower()
    number = _number(text)
    if number is not None or not text:
        return number
    parts = _PART.findall(text)
    if "".join(amount + unit for amount, unit in parts) != text:
        return None
    return sum(float(amount) * _UNITS[unit] for amount, unit in parts)


def _hint(headers: Mapping[str, str], resource: str) -> LimitHint | None:
    limit = _number(headers.get(f"x-ratelimit-limit-{resource}"))
    remaining = _number(headers.get(f"x-ratelimit-remaining-{resource}"))
    if not limit or remaining is None:
        return None
    reset = parse_duration(headers.get(f"x-ratelimit-reset-{resource}"))
    return LimitHint(limit, min(remaining, limit), reset)


def _number(text: str | None) -> float | None:
    text = (text or "").strip()
    return float(text) if len(text) < 20 and _NUMBER.fullmatch(text) else None
