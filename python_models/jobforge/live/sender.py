"""One question, sent until there is a reply or no use in trying: the only retry loop there is.

Before each sending the budget consents and the limiter gives a slot; after each, what came of it
is recorded and durable before anybody learns of it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from jobforge import errors
from jobforge.answers.attempts import Attempt
from jobforge.answers.follow_up import Error
from jobforge.limiter import LimiterClosed, RateLimiter, Slot
from jobforge.live.exchange import Exchange, Exchanged
from jobforge.live.item import Question
from jobforge.live.recorder import Recorder
from jobforge.live.retries import GiveUp, RetryPolicy
from jobforge.live.schema_forms import SchemaForms
from jobforge.live.state import RunState
from jobforge.money.budget import Budget, Denied, Reservation
from jobforge.money.prices import Usage
from jobforge.reasons import INTERRUPTED, Reason
from jobforge.requests.forms import Form
from jobforge.requests.replies import BadCell

__all__ = ["Asked", "Failed", "Sender", "Unasked"]

_OVERDUE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Asked:
    """A reply that could be read; its cells are in the attempt."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer, and what the last attempt met."""

    attempt: Attempt
    error: Error
    reason: Reason


@dataclass(frozen=True, slots=True)
class Unasked:
    """Not sent, cut off, or not worth waiting for: the run is closed, or the pack is."""

    reason: Reason


class Sender:
    """Sends questions; shared by all workers of a run."""

    def __init__(
        self,
        *,
        exchange: Exchange,
        limiter: RateLimiter,
        budget: Budget,
        recorder: Recorder,
        policy: RetryPolicy,
        state: RunState,
        barred: Callable[[Question], Awaitable[Reason | None]],
        schema_forms: SchemaForms,
    ) -> None:
        self._exchange = exchange
        self._limiter = limiter
        self._budget = budget
        self._recorder = recorder
        self._policy = policy
        self._state = state
        self._barred = barred
        self._schema_forms = schema_forms
        self._reserved = 0
        self._charged = asyncio.Event()

    async def ask(self, question: Question) -> Asked | Failed | Unasked:
        """Send a question, again where that may help; what is returned has been recorded."""
        try:
            return await self._ask(question)
        finally:
            self._schema_forms.leave(question)

    async def _ask(self, question: Question) -> Asked | Failed | Unasked:
        form = question.form(self._schema_forms.now)
        loop = asyncio.get_running_loop()
        attempts = refusals = 0
        first_sent: float | None = None
        while True:
            reservation = await self._reserve(question, form)
            if isinstance(reservation, Reason):
                return Unasked(reservation)
            sent = await self._send(question, form, reservation, attempts + refusals + 1)
            if isinstance(sent, Reason):
                return Unasked(sent)
            attempt, error = sent.attempt, sent.attempt.error
            if first_sent is None:
                first_sent = loop.time() - attempt.latency
            await self._recorder.record(attempt)
            if attempt.status == "interrupted":
                return Unasked(self._why_not(question) or INTERRUPTED)
            if error is None or isinstance(error, errors.ReplyError):
                self._schema_forms.taken(form.schema_form)
            if error is None:
                if not attempt.is_fruitless:
                    self._state.answered(question.item.pack_id)
                elif question.purpose == "first":
                    self._fruitless(question, _why_fruitless(attempt))
                return Asked(attempt)
            if isinstance(error, errors.RequestRejectedError):
                pack_id = question.item.pack_id
                other = await self._schema_forms.after_rejection(
                    form.schema_form, pack_id, question
                )
                if other is not None:
                    form = question.form(other)
                    attempts += 1
                    continue
            refused = isinstance(error, errors.RateLimitedError)
            refusals, attempts = refusals + refused, attempts + (not refused)
            decision = self._policy.decide(
                error,
                attempts=attempts,
                refusals=refusals,
                elapsed=loop.time() - first_sent,
                retry_after=sent.wait,
            )
            if isinstance(decision, GiveUp) and decision.everywhere:
                self._state.close(decision.reason, fatal=True)
                return Unasked(decision.reason)
            if isinstance(decision, GiveUp):
                return self._give_up(question, attempt, error, decision)
            await self._state.sleep(decision.seconds)

    def _give_up(
        self, question: Question, attempt: Attempt, error: Error, decision: GiveUp
    ) -> Failed:
        if isinstance(error, errors.EmptyReplyError | errors.UnreadableReplyError):
            self._state.unread(question.item.key, decision.reason)
        elif isinstance(error, errors.UnbegunError):
            self._fruitless(question, decision.reason)
        elif isinstance(error, errors.ReplyError):
            self._state.answered(question.item.pack_id)
        else:
            self._state.failed(question.item.pack_id, error, decision.reason)
        return Failed(attempt, error, decision.reason)

    def _fruitless(self, question: Question, reason: Reason) -> None:
        self._state.fruitless(question.item.pack_id, question.item.key, reason)

    def _why_not(self, question: Question) -> Reason | None:
        return self._state.why_not(question.item.pack_id)

    async def _reserve(self, question: Question, form: Form) -> Reservation | Reason:
        """Return the budget's consent, or why nothing is sent.

        A budget counts what is in flight at its worst; where that alone is in the way, wait for
        what it really takes. A request that is too large by itself closes nothing. While what came
        back cannot be recorded nothing more is sent.
        """
        while True:
            reason = self._why_not(question)
            if reason:
                return reason
            if self._recorder.is_overdue():
                await self._state.sleep(_OVERDUE_SECONDS)
                continue
            charged = self._charged
            answer = self._budget.reserve(form.estimate)
            if not isinstance(answer, Denied):
                self._reserved += 1
                return answer
            if answer.too_large:
                return answer.reason
            if not self._reserved:
                self._state.close(answer.reason)
                return answer.reason
            await charged.wait()

    def _charge(self, reservation: Reservation, usage: Usage | None, *, sent: bool) -> None:
        if sent:
            self._budget.charge(reservation, usage)
        else:
            self._budget.cancel(reservation)
        self._reserved -= 1
        self._charged.set()
        self._charged = asyncio.Event()

    async def _send(
        self, question: Question, form: Form, reservation: Reservation, number: int
    ) -> Exchanged | Reason:
        """Send once; return what came of it, or why it was not sent."""
        estimate = form.estimate
        tokens = estimate.prompt_tokens + estimate.completion_tokens
        usage: Usage | None = None
        sent = False
        try:
            async with self._limiter.slot(tokens, urgent=number > 1) as slot:
                reason = self._why_not(question) or await self._barred(question)
                if reason:
                    return reason
                sent = True
                exchanged = await self._exchange.send(question, form, number)
                _tell(slot, exchanged)
                usage = exchanged.attempt.usage
                return exchanged
        except LimiterClosed:
            return self._why_not(question) or INTERRUPTED
        finally:
            self._charge(reservation, usage, sent=sent)


def _why_fruitless(attempt: Attempt) -> Reason:
    """Return what is wrong with the first cell of a reply in which none holds."""
    bad = [cell.reason for cell in attempt.cells.values() if isinstance(cell, BadCell)]
    code = Counter(reason.code for reason in bad).most_common(1)[0][0]
    return next(reason for reason in bad if reason.code is code)


def _tell(slot: Slot, exchanged: Exchanged) -> None:
    """Tell the limiter what became of its slot."""
    if isinstance(exchanged.attempt.error, errors.RateLimitedError):
        slot.refused(exchanged.headers, exchanged.wait)
    elif isinstance(exchanged.attempt.error, errors.TransientApiError):
        slot.failed(exchanged.wait)
    elif exchanged.attempt.http_status is not None:
        slot.replied(exchanged.headers, exchanged.attempt.latency)
