"""What came of every sending, written into the ledger with its tokens and its price.

The executor's recorder calls `Bookkeeper.write` from its writer thread: what it returns from is
durable, and only then does anybody learn of an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from jobforge.estimates import estimate
from jobforge.executor.work import Attempt
from jobforge.inputs import Attribute
from jobforge.ledger import AttemptRecord, CellAnswer, Ledger
from jobforge.planning import request_size
from jobforge.prices import ModelPrice, Usage
from jobforge.progress import Progress
from jobforge.questions import KeyedRequest, Keyer
from jobforge.replies import BadCell

__all__ = ["Bookkeeper", "estimated_usage"]


class Bookkeeper:
    """Turns attempts into the ledger's records; one of these for a run.

    price: the model's, None where it is not known.
    """

    def __init__(
        self,
        ledger: Ledger,
        keyer: Keyer,
        run_id: str,
        price: ModelPrice | None,
        progress: Progress,
        *,
        text_bounds: bool = False,
    ) -> None:
        self._ledger = ledger
        self._keyer = keyer
        self._run_id = run_id
        self._price = price
        self._progress = progress
        self._text_bounds = text_bounds

    def write(self, attempts: Sequence[Attempt]) -> None:
        """Record attempts in one durable transaction."""
        records = [self._record(attempt) for attempt in attempts]
        self._ledger.record(records)
        for attempt, record in zip(attempts, records, strict=True):
            usage = attempt.usage
            self._progress.attempted(
                None if usage is None else _usage(usage),
                Usage(
                    record.request.estimated_prompt_tokens or 0,
                    record.request.estimated_completion_tokens or 0,
                ),
                None if record.cost_usd is None else Decimal(str(record.cost_usd)),
            )

    def _record(self, attempt: Attempt) -> AttemptRecord:
        keyed = keyed_request(attempt).only(attempt.attribute_ids)
        usage = None if attempt.usage is None else _usage(attempt.usage)
        expected = None
        if usage is None or usage.tokens:
            # A request that was turned away took no tokens: it says nothing of the estimates.
            expected = estimated_usage(keyed, text_bounds=self._text_bounds)
        cost = None
        if self._price is not None and usage is not None:
            cost = float(self._price.cost(usage))
        return AttemptRecord(
            attempt_id=attempt.attempt_id,
            run_id=self._run_id,
            mode="live",
            request=self._keyer.asked(
                keyed,
                estimated_prompt_tokens=expected.prompt_tokens if expected else None,
                estimated_completion_tokens=expected.completion_tokens if expected else None,
            ),
            status=attempt.status,
            sent_at=attempt.sent_at,
            received_at=attempt.received_at,
            answers=_answers(attempt),
            http_status=attempt.http_status,
            reason=attempt.reason,
            request_id=attempt.request_id,
            model_returned=attempt.model,
            system_fingerprint=attempt.fingerprint,
            prompt_tokens=None if usage is None else usage.prompt_tokens,
            cached_tokens=None if usage is None else usage.cached_tokens,
            completion_tokens=None if usage is None else usage.completion_tokens,
            cost_usd=cost,
            price_as_of=None if self._price is None else self._price.as_of,
            latency_ms=round(attempt.latency * 1000),
            raw_reply=None
            if attempt.raw_reply is None
            else attempt.raw_reply.decode("utf-8", "replace"),
        )


def keyed_request(attempt: Attempt) -> KeyedRequest:
    """Return the keyed request that an attempt was made for."""
    keyed = getattr(attempt.item, "keyed", None)
    assert isinstance(keyed, KeyedRequest)
    return keyed


def estimated_usage(keyed: KeyedRequest, *, text_bounds: bool = False) -> Usage:
    """Return the plain estimate of a request's tokens, uncorrected by earlier calls."""
    attributes: tuple[Attribute, ...] = tuple(
        keyed.pack.attribute(name) for name in keyed.request.attribute_ids
    )
    size = request_size(keyed.request, keyed.pack, attributes, text_bounds=text_bounds)
    return estimate(size, attributes)


def _usage(usage: object) -> Usage:
    counts = ("prompt_tokens", "completion_tokens", "cached_tokens")
    return Usage(**{name: getattr(usage, name) for name in counts})


def _answers(attempt: Attempt) -> tuple[CellAnswer, ...]:
    if attempt.status == "refused":
        return tuple(CellAnswer(name, "refused") for name in attempt.attribute_ids)
    return tuple(
        CellAnswer(name, "answered", cell.value, cell.confidence, cell.rationale)
        for name, cell in attempt.cells.items()
        if not isinstance(cell, BadCell)
    )
