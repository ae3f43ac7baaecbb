"""The retry policy, decided without a clock."""

from __future__ import annotations

import random
from typing import Any

import pytest
from jobforge import errors
from jobforge.live.retries import GiveUp, RetryPolicy, Wait
from jobforge.reasons import Reason, ReasonCode, reason_of

TRANSIENT = errors.ServerFaultError("server fault 500", status=500)
LIMITED = errors.RateLimitedError("rate limited", status=429)


def decide(policy: RetryPolicy, error: Any = TRANSIENT, **given: Any) -> Wait | GiveUp:
    """Decide after one attempt, unless something else is given."""
    return policy.decide(error, **{"attempts": 1, "refusals": 0, "elapsed": 0.0, **given})


@pytest.mark.parametrize(
    "error",
    [
        errors.RequestRejectedError("400"),
        errors.KeyRejectedError("401"),
        errors.UnknownModelError("404"),
        errors.QuotaExhaustedError("insufficient_quota"),
        errors.RequestTooLongError("413"),
        errors.RefusedError("refused"),
        errors.UnreadableReplyError("unreadable"),
    ],
)
def test_what_another_try_cannot_cure_is_not_tried(error: errors.JobForgeError) -> None:
    """400, 401, 403, 404, a spent quota and replies without an answer are never sent again."""
    assert decide(RetryPolicy(), error) == GiveUp(reason_of(error))


def test_waits_grow_and_are_a_random_part_of_their_ceiling() -> None:
    """Full jitter: every wait is between 0 and a ceiling that doubles up to the longest."""
    policy = RetryPolicy(attempts=99, first_wait=1, longest_wait=8, rng=random.Random(5))
    for attempts, ceiling in ((1, 1), (2, 2), (3, 4), (4, 8), (9, 8)):
        waits = [decide(policy, attempts=attempts) for _ in range(200)]
        seconds = [wait.seconds for wait in waits if isinstance(wait, Wait)]
        assert len(seconds) == 200
        assert 0 <= min(seconds) < 0.2 * ceiling
        assert 0.8 * ceiling < max(seconds) <= ceiling


def test_the_same_seed_waits_the_same() -> None:
    """An injected source of chance makes the waits repeatable."""
    first, second = (RetryPolicy(rng=random.Random(4)) for _ in range(2))
    assert [decide(first) for _ in range(5)] == [decide(second) for _ in range(5)]


def test_attempts_are_bounded() -> None:
    """The last attempt is the last; what is said names how often it was sent."""
    answer = decide(RetryPolicy(attempts=3), attempts=3, refusals=2)
    assert answer == GiveUp(Reason(ReasonCode.SERVER_FAULT, "server fault 500; sent 5 times"))


def test_a_rate_limit_does_not_use_up_attempts() -> None:
    """Refusals by a limiter are counted apart, and bounded too."""
    policy = RetryPolicy(attempts=2, refusals=4)
    assert isinstance(decide(policy, LIMITED, attempts=1, refusals=3), Wait)
    assert isinstance(decide(policy, LIMITED, attempts=1, refusals=4), GiveUp)


def test_retry_after_is_obeyed_at_any_length_that_fits() -> None:
    """A wait of 130 seconds, which the openai client does not begin, is waited in full."""
    answer = decide(RetryPolicy(), LIMITED, retry_after=130.0)
    assert isinstance(answer, Wait)
    assert 130 <= answer.seconds < 150


def test_total_time_is_bounded() -> None:
    """A wait that ends after the total time is not begun."""
    policy = RetryPolicy(total_seconds=100)
    assert isinstance(decide(policy, LIMITED, elapsed=10, retry_after=80.0), Wait)
    answer = decide(policy, LIMITED, elapsed=30, retry_after=80.0)
    assert isinstance(answer, GiveUp)
    assert not answer.everywhere
    assert "100 seconds in all" in answer.reason.text


def test_a_wait_longer_than_any_request_may_take_ends_the_run() -> None:
    """A Retry-After beyond the total time cannot be met by any other request either."""
    answer = decide(RetryPolicy(), LIMITED, retry_after=3600.0)
    assert isinstance(answer, GiveUp)
    assert answer.everywhere
    assert "wait 3600 seconds" in answer.reason.text
    assert answer.reason.code is ReasonCode.SERVER_ASKS_TO_WAIT


@pytest.mark.parametrize(
    "bad", [{"attempts": 0}, {"refusals": 0}, {"total_seconds": -1}, {"longest_wait": 0.1}]
)
def test_bounds_without_meaning_are_refused(bad: dict[str, Any]) -> None:
    """A policy that could not send, or waits less than nothing, is a SettingsError."""
    with pytest.raises(errors.SettingsError):
        RetryPolicy(**bad)
