"""The columns of an attempt, defined once: the table and every Arrow schema are made of them.

`migrations` has the DDL, which is frozen; a test holds it against what stands here. It is apart
from `tables` so that a run which opens no ledger does not load SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import pyarrow as pa

__all__ = ["ATTEMPT", "TEXT_COLUMNS", "AttemptColumn", "attempt_schema"]

# The columns of `attempt` and `batch_item` that refer to `text`.
TEXT_COLUMNS = ("system_text", "user_text", "schema_text", "parameters_text")


class AttemptColumn(NamedTuple):
    """What a column holds, and whether it may be null; `reference` is the hash of a text."""

    kind: Literal["text", "reference", "count", "amount", "day", "moment"]
    nullable: bool = False


_TEXT, _TEXT_OR_NULL = AttemptColumn("text"), AttemptColumn("text", nullable=True)
_COUNT_OR_NULL = AttemptColumn("count", nullable=True)

ATTEMPT = {
    "attempt_id": _TEXT,
    "request_key": _TEXT,
    "run_id": _TEXT,
    "mode": _TEXT,
    "job_id": _TEXT,
    "job_digest": _TEXT,
    "pack_id": _TEXT,
    "domain": _TEXT,
    "model_requested": _TEXT,
    "model_returned": _TEXT_OR_NULL,
    "prompt_version": _TEXT,
    "instructions_hash": _TEXT,
    "schema_version": _TEXT,
    "status": _TEXT,
    "http_status": _COUNT_OR_NULL,
    "reason": _TEXT_OR_NULL,
    "request_id": _TEXT_OR_NULL,
    "system_fingerprint": _TEXT_OR_NULL,
    "prompt_tokens": _COUNT_OR_NULL,
    "cached_tokens": _COUNT_OR_NULL,
    "completion_tokens": _COUNT_OR_NULL,
    "cost_usd": AttemptColumn("amount", nullable=True),
    "price_as_of": AttemptColumn("day", nullable=True),
    "latency_ms": _COUNT_OR_NULL,
    "sent_at": AttemptColumn("moment"),
    "received_at": AttemptColumn("moment", nullable=True),
    **dict.fromkeys(TEXT_COLUMNS, AttemptColumn("reference")),
    "raw_reply": _TEXT_OR_NULL,
    "row_hash": _TEXT,
    "estimated_prompt_tokens": _COUNT_OR_NULL,
    "estimated_completion_tokens": _COUNT_OR_NULL,
    "settled_cells": _COUNT_OR_NULL,
    "chain_hash": _TEXT_OR_NULL,
    "cache_write_tokens": _COUNT_OR_NULL,
    "reasoning_tokens": _COUNT_OR_NULL,
    # Microseconds, when the prompt and the reply were dropped, and the hash of what stayed.
    "texts_dropped_at": _COUNT_OR_NULL,
    "kept_hash": _TEXT_OR_NULL,
}

_ARROW = {
    "text": pa.string(),
    "reference": pa.string(),
    "count": pa.int64(),
    "amount": pa.float64(),
    "moment": pa.timestamp("us", tz="UTC"),
}


def attempt_schema(names: Iterable[str], *, day: pa.DataType) -> pa.Schema:
    """Return the Arrow schema of these columns; `day` is how a day is given out."""
    types = {**_ARROW, "day": day}
    return pa.schema(
        [pa.field(name, types[ATTEMPT[name].kind], ATTEMPT[name].nullable) for name in names]
    )
