"""What servers say about their limits, in their several ways."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from jobforge.limiter.headers import LimitHint, parse_duration, read_rate_headers, retry_after


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120ms", 0.12),
        ("6m0s", 360),
        ("1h2m3.5s", 3723.5),
        ("2", 2),
        ("0.5", 0.5),
        ("", None),
        ("soon", None),
        ("5 s", None),
        ("-1s", None),
        ("s", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    """Durations are read in all forms that servers use, and nonsense is nothing."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Sun, 01 Mar 2026 00:02:10 GMT"}, 130),
        ({"retry-after": "Sun, 01 Mar 2020 00:00:00 GMT"}, 0),
        ({"retry-after": "later"}, None),
        ({"retry-after": "9" * 400}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    """Retry-After is read in seconds, in milliseconds and as a date."""
    assert retry_after(headers, datetime(2026, 3, 1, tzinfo=UTC)) == seconds


@pytest.mark.parametrize(
    ("limit", "remaining", "reset", "per_second"),
    [
        (500, 499, 0.12, 500 / 60),
        (14400, 14370, 180, 14400 / 86400),
        (60, 10, 40, 1),
        (60, 60, None, 1),
        (50, 0, 1, 50),
    ],
)
def test_the_period_of_a_limit(
    limit: float, remaining: float, reset: float | None, per_second: float
) -> None:
    """What is missing and how soon it is back tells whether a limit is one a minute or a day."""
    assert LimitHint(limit, remaining, reset).per_second == pytest.approx(per_second)


def test_headers_that_say_nothing_are_no_limit() -> None:
    """A limit of 0, a missing part or a word is no limit."""
    for bad in ({"limit": "0"}, {"limit": "many"}, {}):
        headers = {f"x-ratelimit-{name}-requests": value for name, value in bad.items()}
        assert read_rate_headers(headers | {"x-ratelimit-remaining-requests": "1"}).requests is None
