"""When a failed request is sent again, and after how long; there is no other retrying.

Only faults that another try may cure are tried again: 429, 408, 409, 5xx, a broken connection, a
time-out. The wait is exponential with full jitter (a random part of a ceiling that doubles, see
"Exponential Backoff And Jitter", AWS Architecture Blog), and never shorter than the server asks
for. Attempts and total time are bounded; a wait that does not fit is not begun.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from jobforge.errors import ApiError, RateLimitedError, ReplyError, SettingsError, TransientApiError
from jobforge.reasons import Reason, ReasonCode, code_of, reason_of

__all__ = ["GiveUp", "RetryPolicy", "Wait"]

_YEAR_SECONDS = 365 * 86400.0


@dataclass(frozen=True, slots=True)
class Wait:
    """Send again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not send again.

    reason: what to say. everywhere: the server's own wait is longer than any request may take, so
    no other request can do better.
    """

    reason: Reason
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Bounds for one request.

    attempts: how often it is sent at most, the first time included.
    refusals: how often a rate limit may refuse it at most; such an attempt did no work.
    total_seconds: from the first sending to the start of the last.
    first_wait, longest_wait: the ceiling of the first wait, in seconds, and of any; a server's
        Retry-After may be longer.
    rng: the source of chance.

    Raises SettingsError for a bound without meaning.
    """

    attempts: int = 5
    refusals: int = 12
    total_seconds: float = 600.0
    first_wait: float = 0.5
    longest_wait: float = 30.0
    rng: random.Random = field(default_factory=random.Random, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.refusals < 1:
            raise SettingsError("a request must be sent once at least")
        if self.total_seconds < 0 or self.first_wait < 0 or self.longest_wait < self.first_wait:
            raise SettingsError("waits and the total time must be 0 or more, the longest last")

    def decide(
        self,
        error: ApiError | ReplyError,
        *,
        attempts: int,
        refusals: int,
        elapsed: float,
        retry_after: float | None = None,
    ) -> Wait | GiveUp:
        """Say what to do after a failure.

        attempts, refusals: how often the request was sent and was not refused by a rate limit,
        and how often it was. elapsed: seconds since it was first sent.
        """
        if not isinstance(error, TransientApiError):
            return GiveUp(reason_of(error))
        if retry_after is not None and retry_after > self.total_seconds:
            until = datetime.now(UTC) + timedelta(seconds=min(retry_after, _YEAR_SECONDS))
            text = (
                f"{error}; the server asks to wait {retry_after:.0f} seconds, until"
                f" {until:%Y-%m-%d %H:%M} UTC, more than the {self.total_seconds:g} that a request"
                " may take: run again then"
            )
            return GiveUp(Reason(ReasonCode.SERVER_ASKS_TO_WAIT, text), everywhere=True)
        refused = isinstance(error, RateLimitedError)
        if refusals >= self.refusals if refused else attempts >= self.attempts:
            return GiveUp(Reason(code_of(error), f"{error}; sent {attempts + refusals} times"))
        seconds = self._seconds(refusals if refused else attempts, retry_after)
        if elapsed + seconds > self.total_seconds:
            waits = f"the next try in {seconds:.0f} seconds" if retry_after else "another try"
            text = f"{error}; {waits} would be after {self.total_seconds:g} seconds in all"
            return GiveUp(Reason(code_of(error), text))
        return Wait(seconds)

    def _seconds(self, failures: int, retry_after: float | None) -> float:
        ceiling = min(self.longest_wait, self.first_wait * 2.0 ** min(failures - 1, 60))
        jitter = self.rng.uniform(0.0, ceiling)
        # All who were told the same wait would come back together.
        return jitter if retry_after is None else retry_after + min(jitter, 0.1 * retry_after + 0.1)
