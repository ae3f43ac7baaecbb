"""What came of every sending, written into the ledger with its tokens and its price.

The live run's recorder calls `Bookkeeper.write` from its writer thread: what it returns from is
durable, and only then does anybody learn of an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from jobforge.answers.attempts import Attempt, CameBack
from jobforge.ledger import AskedRequest, AttemptRecord, CellAnswer
from jobforge.money.prices import ModelPrice, Usage
from jobforge.progress import Progress
from jobforge.requests.forms import Form
from jobforge.requests.keys import KeyedRequest, Keyer
from jobforge.requests.replies import BadCell

if TYPE_CHECKING:
    from jobforge.ledger import Ledger

__all__ = ["Bookkeeper"]


class Bookkeeper:
    """Turns what came back into the ledger's records; one of these for a run.

    price: the model's, None where it is not known.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        keyer: Keyer,
        run_id: str,
        price: ModelPrice | None,
        progress: Progress,
    ) -> None:
        self._ledger = ledger
        self._keyer = keyer
        self._run_id = run_id
        self._price = price
        self._progress = progress

    def write(self, attempts: Sequence[Attempt]) -> None:
        """Record attempts in one durable transaction."""
        self.keep([self._live(attempt) for attempt in attempts])

    def keep(self, records: Sequence[AttemptRecord]) -> None:
        """Record what came back in one durable transaction, and count it."""
        self._ledger.record(records)
        for record in records:
            prompt, completion = record.prompt_tokens, record.completion_tokens
            usage = None
            if prompt is not None and completion is not None:
                usage = Usage(
                    prompt,
                    completion,
                    record.cached_tokens or 0,
                    record.cache_write_tokens or 0,
                    record.reasoning_tokens or 0,
                )
            self._progress.attempted(
                usage,
                Usage(
                    record.request.estimated_prompt_tokens or 0,
                    record.request.estimated_completion_tokens or 0,
                ),
                None if record.cost_usd is None else Decimal(str(record.cost_usd)),
            )

    def batched(
        self,
        came: CameBack,
        request: AskedRequest,
        price: ModelPrice | None,
        *,
        attempt_id: str,
        sent_at: datetime,
        received_at: datetime,
    ) -> AttemptRecord:
        """Return the record of a batch's result; `price` is that of the request's model."""
        if not _worked(came):
            request = replace(
                request, estimated_prompt_tokens=None, estimated_completion_tokens=None
            )
        return self._record(
            came,
            request,
            price,
            attempt_id=attempt_id,
            sent_at=sent_at,
            received_at=received_at,
            latency=None,
        )

    def asked(self, keyed: KeyedRequest, form: Form, *, estimated: bool = True) -> AskedRequest:
        """Return a request as the ledger keeps it, with the estimate of its tokens."""
        return self._keyer.asked(
            keyed,
            system_text=form.texts.system,
            user_text=form.texts.user,
            schema_text=form.texts.schema,
            estimated_prompt_tokens=form.estimate.prompt_tokens if estimated else None,
            estimated_completion_tokens=form.estimate.completion_tokens if estimated else None,
        )

    def _live(self, attempt: Attempt) -> AttemptRecord:
        return self._record(
            attempt,
            self.asked(attempt.keyed, attempt.form, estimated=_worked(attempt)),
            self._price,
            attempt_id=attempt.attempt_id,
            sent_at=attempt.sent_at,
            received_at=attempt.received_at,
            latency=attempt.latency,
        )

    def _record(
        self,
        came: CameBack,
        request: AskedRequest,
        price: ModelPrice | None,
        *,
        attempt_id: str,
        sent_at: datetime,
        received_at: datetime,
        latency: float | None,
    ) -> AttemptRecord:
        usage = came.usage
        is_batch = latency is None
        cost = None
        if price is not None and usage is not None:
            cost = float(price.cost(usage, batch=is_batch))
        return AttemptRecord(
            attempt_id=attempt_id,
            run_id=self._run_id,
            mode="batch" if is_batch else "live",
            request=request,
            status=came.status,
            sent_at=sent_at,
            received_at=received_at,
            answers=_answers(came),
            http_status=came.http_status,
            reason=came.reason,
            request_id=came.request_id,
            model_returned=came.model,
            system_fingerprint=came.fingerprint,
            prompt_tokens=None if usage is None else usage.prompt_tokens,
            cached_tokens=None if usage is None else usage.cached_tokens,
            completion_tokens=None if usage is None else usage.completion_tokens,
            cost_usd=cost,
            price_as_of=None if price is None else price.as_of,
            latency_ms=None if latency is None else round(latency * 1000),
            raw_reply=None if came.raw_reply is None else came.raw_reply.decode("utf-8", "replace"),
            # Most servers say neither: null rather than a nought that nobody told.
            cache_write_tokens=None if usage is None else usage.cache_write_tokens or None,
            reasoning_tokens=None if usage is None else usage.reasoning_tokens or None,
        )


def _worked(came: CameBack) -> bool:
    """Say whether tokens were taken: one that was turned away says nothing of the estimates."""
    return came.usage is None or came.usage.tokens > 0


def _answers(came: CameBack) -> tuple[CellAnswer, ...]:
    if came.status == "refused":
        return tuple(CellAnswer(name, "refused") for name in came.attribute_ids)
    return tuple(
        CellAnswer(name, "answered", cell.value, cell.confidence, cell.rationale)
        for name, cell in came.cells.items()
        if not isinstance(cell, BadCell)
    )
