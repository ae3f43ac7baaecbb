"""Attempts: what came of one sending, and the ledger's attempts as a table.

Every sending is an attempt and every attempt is recorded, whatever came of it. The table tells what
was sent and what it cost, without texts and replies; a ledger that is not there yet gives no rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from jobforge import errors
from jobforge.answers.follow_up import Error, Purpose
from jobforge.ledger import existing_ledger
from jobforge.ledger.columns import attempt_schema
from jobforge.money.prices import Usage
from jobforge.provider.completions import Reply, read_completion
from jobforge.requests.dialects import SchemaForm
from jobforge.requests.forms import Form
from jobforge.requests.inputs import Attribute
from jobforge.requests.keys import KeyedRequest
from jobforge.requests.replies import BadCell, GoodCell, read_cells

if TYPE_CHECKING:
    from jobforge.ledger import Ledger

__all__ = [
    "ATTEMPTS_SCHEMA",
    "Attempt",
    "AttemptStatus",
    "CameBack",
    "no_attempts",
    "read_attempts",
    "read_reply",
    "status_of",
]

AttemptStatus = Literal[
    "answered",
    "refused",
    "truncated",
    "unbegun",
    "empty",
    "unreadable",
    "rate_limited",
    "server_fault",
    "no_connection",
    "timed_out",
    "too_long",
    "rejected",
    "interrupted",
]
_STATUSES: tuple[tuple[type[Exception], AttemptStatus], ...] = (
    (errors.RefusedError, "refused"),
    (errors.TruncatedError, "truncated"),
    (errors.UnbegunError, "unbegun"),
    (errors.EmptyReplyError, "empty"),
    (errors.UnreadableReplyError, "unreadable"),
    (errors.RateLimitedError, "rate_limited"),
    (errors.ServerFaultError, "server_fault"),
    (errors.ConnectionFailedError, "no_connection"),
    (errors.TimedOutError, "timed_out"),
    (errors.RequestTooLongError, "too_long"),
)
Cells = Mapping[str, GoodCell | BadCell]

ATTEMPTS_SCHEMA = attempt_schema(
    [
        *("attempt_id", "request_key", "run_id", "mode", "pack_id", "domain"),
        *("model_requested", "model_returned", "prompt_version", "status", "http_status", "reason"),
        *("request_id", "system_fingerprint"),
        *("prompt_tokens", "cached_tokens", "completion_tokens"),
        *("cost_usd", "price_as_of", "latency_ms", "sent_at", "received_at"),
        *("estimated_prompt_tokens", "estimated_completion_tokens"),
        *("cache_write_tokens", "reasoning_tokens"),
    ],
    day=pa.date32(),
)
for _counted in ("cells_answered", "cells_refused"):
    ATTEMPTS_SCHEMA = ATTEMPTS_SCHEMA.append(pa.field(_counted, pa.int64(), nullable=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class CameBack:
    """What came of one sending: of a live attempt, or of a request of a batch.

    error: why there is no answer, or None. usage: None where nobody said, so that the server may
    have worked for nothing. cells: what an answer gave, by attribute id. http_status: None without
    a reply. was_sent: whether the model was asked at all. wait: seconds to wait, where the reply's
    body asks for it.
    """

    attribute_ids: tuple[str, ...]
    status: AttemptStatus
    error: Error | None = None
    http_status: int | None = None
    request_id: str | None = None
    model: str | None = None
    fingerprint: str | None = None
    usage: Usage | None = None
    raw_reply: bytes | None = field(default=None, repr=False)
    cells: Cells = field(default_factory=dict)
    was_sent: bool = True
    wait: float | None = None

    @property
    def is_fruitless(self) -> bool:
        """Whether it is an answer in which not one cell holds."""
        return self.error is None and not any(
            isinstance(cell, GoodCell) for cell in self.cells.values()
        )

    @property
    def reason(self) -> str | None:
        """Why there is no answer, for people."""
        return str(self.error) if self.error else None


_CAME_BACK = [one.name for one in fields(CameBack)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt(CameBack):
    """One request that was sent live, and what came of it.

    keyed: the cells that it asks for. purpose: why it was sent. number: 1 for the first sending of
    this request, 2 for the first retry.
    """

    attempt_id: str
    keyed: KeyedRequest
    purpose: Purpose
    number: int
    form: Form
    sent_at: datetime
    received_at: datetime
    latency: float

    @classmethod
    def of(cls, came: CameBack, **sending: Any) -> Attempt:
        """Return the attempt of a sending from which that came back."""
        return cls(**{name: getattr(came, name) for name in _CAME_BACK}, **sending)


def read_reply(
    reply: Reply,
    model: str,
    secrets: Iterable[str],
    attributes: Sequence[Attribute],
    schema_form: SchemaForm = "integers",
    *,
    with_rationale: bool = True,
) -> CameBack:
    """Return what a reply to a request for these attributes says; `model` is what was asked.

    schema_form, with_rationale: see `read_cells`.
    """
    completion = read_completion(reply, model, secrets)
    cells: Cells = {}
    error = completion.error
    if completion.content is not None:
        try:
            cells = read_cells(
                completion.content, attributes, schema_form, with_rationale=with_rationale
            )
        except errors.UnreadableReplyError as unread:
            error = unread
    return CameBack(
        attribute_ids=tuple(attribute.attribute_id for attribute in attributes),
        status=status_of(error),
        error=error,
        http_status=reply.status,
        request_id=completion.request_id,
        model=completion.model,
        fingerprint=completion.fingerprint,
        usage=completion.usage,
        raw_reply=reply.body,
        cells=cells,
        wait=completion.wait,
    )


def status_of(error: Error | None) -> AttemptStatus:
    """Return what the ledger calls an attempt that ended so."""
    if error is None:
        return "answered"
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), "rejected")


def no_attempts() -> pa.Table:
    """Return no rows, with the columns of ATTEMPTS_SCHEMA."""
    return ATTEMPTS_SCHEMA.empty_table()


def read_attempts(url: str | None = None) -> pa.Table:
    """Return one row per attempt in the ledger, with how many cells it answered and refused."""
    ledger = existing_ledger(url)
    if ledger is None:
        return no_attempts()
    with ledger:
        answered, refused = _count_cells(ledger)
        batches = [_with_counts(batch, answered, refused) for batch in ledger.attempts()]
    return pa.Table.from_batches(batches, schema=ATTEMPTS_SCHEMA)


def _with_counts(
    batch: pa.RecordBatch, answered: Counter[str], refused: Counter[str]
) -> pa.RecordBatch:
    ids = batch.column("attempt_id").to_pylist()
    counts = {
        "cells_answered": [answered[attempt_id] for attempt_id in ids],
        "cells_refused": [refused[attempt_id] for attempt_id in ids],
    }
    columns = [
        pa.array(counts[field.name], field.type)
        if field.name in counts
        else batch.column(field.name).cast(field.type)
        for field in ATTEMPTS_SCHEMA
    ]
    return pa.RecordBatch.from_arrays(columns, schema=ATTEMPTS_SCHEMA)


def _count_cells(ledger: Ledger) -> tuple[Counter[str], Counter[str]]:
    answered: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for batch in ledger.answers():
        for attempt_id, outcome in zip(
            batch.column("attempt_id").to_pylist(),
            batch.column("outcome").to_pylist(),
            strict=True,
        ):
            (answered if outcome == "answered" else refused)[attempt_id] += 1
    return answered, refused
