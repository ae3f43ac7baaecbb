"""Whether a run still sends, and if not, why: one place that every worker asks.

A run closes once, with the first reason; from then on nothing is sent. It closes for faults that
every request would meet, for a spent budget, and when it is told to stop.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, defaultdict
from collections.abc import Callable

from jobforge.errors import (
    ApiError,
    FatalApiError,
    ReplyError,
    RequestRejectedError,
    TransientApiError,
)
from jobforge.reasons import INTERRUPTED, Reason, ReasonCode

__all__ = ["RunState"]

FAULTS_IN_A_ROW = 10
REJECTIONS_IN_A_ROW = 3
REJECTED_GROUPS = 2
UNREAD_IN_A_ROW = 20
UNREAD_ITEMS = 5
FRUITLESS_ITEMS = 5
FRUITLESS_ITEMS_OF_A_GROUP = 10


# What to look at, by what is wrong with a cell of a reply in which none holds.
_CURES = defaultdict(
    lambda: "can llm_model keep to a schema?",
    {
        ReasonCode.UNBEGUN: "a model that reasons needs a larger llm_max_output_tokens",
        ReasonCode.LEFT_OUT: "does the server take response_format, and llm_model keep to it?",
        ReasonCode.ANSWER_MALFORMED: (
            "does the server take response_format, and llm_model keep to it? Confidence is a whole"
            " number from 0 to 100"
        ),
    },
)


class RunState:
    """Open until `close`; `on_close` is called then. `say` gets a line for what closes.

    stop: is set from outside, by whoever tells the run to stop.
    """

    def __init__(
        self,
        *,
        on_close: Callable[[], None],
        say: Callable[[str], None],
        stop: threading.Event,
    ) -> None:
        self.say = say
        self.stop = stop
        self.closed_reason: Reason | None = None
        self.fatal_reason: Reason | None = None
        self._on_close = on_close
        self._closed = asyncio.Event()
        self._scopes: set[asyncio.Timeout] = set()
        self._said: set[str] = set()
        self._faults = 0
        self._answers = 0
        self._rejections: Counter[str] = Counter()
        self._rejection: Reason | None = None
        self._unread = 0
        self._unread_items: set[str] = set()
        self._fruitless: dict[str, set[str]] = {}
        self._closed_groups: dict[str, Reason] = {}

    def closed(self) -> Reason | None:
        """Return why nothing more is sent, or None while something may be."""
        return self.closed_reason or (INTERRUPTED if self.stop.is_set() else None)

    def why_not(self, group: str) -> Reason | None:
        """Return why nothing of this group is sent, or None where it may be."""
        return self.closed_reason or self._closed_groups.get(group)

    def close(self, reason: Reason, *, fatal: bool = False) -> None:
        """Send nothing more; `fatal` where it is for a fault, not for a cap or a stop."""
        if self.closed_reason is None:
            self.closed_reason = reason
            self.fatal_reason = reason if fatal else None
            self._closed.set()
            self._on_close()
            self.say(f"LLM: no further call is made: {reason}")

    def say_once(self, what: str, line: str) -> None:
        """Say a line, once a run for what it is about."""
        if what not in self._said:
            self._said.add(what)
            self.say(line)

    async def sleep(self, seconds: float) -> None:
        """Wait, but no longer than the run is open."""
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            """The time is over."""

    def scope(self) -> asyncio.Timeout:
        """Return a scope for one sending, which `interrupt` can end."""
        scope = asyncio.timeout(None)
        self._scopes.add(scope)
        return scope

    def leave(self, scope: asyncio.Timeout) -> None:
        """Note that the sending is over."""
        self._scopes.discard(scope)

    def interrupt(self, grace: float) -> None:
        """Give what is in flight so many seconds more."""
        until = asyncio.get_running_loop().time() + grace
        for scope in self._scopes:
            scope.reschedule(until)

    def answered(self, group: str) -> None:
        """Note that the server does its work."""
        self._answers += 1
        self._faults = self._unread = 0
        self._unread_items.clear()
        self._fruitless.pop(group, None)
        if self._answers == 1:
            self._fruitless.clear()
        self._rejections[group] = 0

    def unread(self, item: str, reason: Reason) -> None:
        """Note a reply that is no chat completion, or not the JSON that was asked for."""
        self._unread += 1
        self._unread_items.add(item)
        if self._unread >= UNREAD_IN_A_ROW and len(self._unread_items) >= UNREAD_ITEMS:
            text = (
                f"{self._unread} replies in a row could not be read, the last one: {reason}; is"
                " OPENAI_BASE_URL an API's address, and can llm_model keep to a schema?"
            )
            self.close(Reason(ReasonCode.UNREAD_IN_A_ROW, text), fatal=True)

    def fruitless(self, group: str, item: str, reason: Reason) -> None:
        """Note a reply that was paid for and has no cell that holds, and why the first does not.

        Where nothing holds from the start, no other request will do better; later, none of the
        same pack.
        """
        self._fruitless.setdefault(group, set()).add(item)
        everything = not self._answers
        groups = list(self._fruitless.values()) if everything else [self._fruitless[group]]
        items = [one for of_group in groups for one in of_group]
        if len(items) < (FRUITLESS_ITEMS if everything else FRUITLESS_ITEMS_OF_A_GROUP):
            return
        text = (
            f"{len(items)} jobs in a row had no answer that holds, the last one: {reason};"
            f" {_CURES[reason.code]}"
        )
        closes = Reason(ReasonCode.FRUITLESS_IN_A_ROW, text)
        if everything:
            self.close(closes, fatal=True)
        elif group not in self._closed_groups:
            self._closed_groups[group] = closes
            self.say(f"LLM: no further call is made for pack {group!r}: {closes}")

    def failed(self, group: str, error: ApiError | ReplyError, reason: Reason) -> None:
        """Note a request that failed for good, after its retries."""
        if isinstance(error, RequestRejectedError):
            self._rejected(group, reason)
        elif isinstance(error, FatalApiError):
            self.close(reason, fatal=True)
        elif isinstance(error, TransientApiError):
            self._faults += 1
            if self._faults >= FAULTS_IN_A_ROW:
                text = f"{self._faults} requests in a row failed, the last one: {reason}"
                self.close(Reason(ReasonCode.FAULTS_IN_A_ROW, text), fatal=True)

    def end(self) -> None:
        """Judge what there was: where nothing was answered, a rejection is the run's fault."""
        if not self._answers and self.fatal_reason is None:
            self.fatal_reason = self._rejection

    def _rejected(self, group: str, reason: Reason) -> None:
        # A schema belongs to a pack: one that the server refuses does not spoil the others. But
        # where one pack after the other is refused and nothing is answered, all will be.
        self._rejection = reason
        self._rejections[group] += 1
        if self._rejections[group] != REJECTIONS_IN_A_ROW:
            return
        self._closed_groups[group] = reason
        if not self._answers and len(self._closed_groups) >= REJECTED_GROUPS:
            self.close(reason, fatal=True)
        else:
            self.say(f"LLM: no further call is made for pack {group!r}: {reason}")
