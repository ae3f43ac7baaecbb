"""The ledger's attempts as a table: what was sent and what it cost, without texts and replies.

A ledger that is not there yet gives no rows. Nothing is written.
"""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

from jobforge.ledger import Ledger, LedgerOutdatedError, NoLedgerError, open_ledger
from jobforge.ledger.location import Location

__all__ = ["ATTEMPTS_SCHEMA", "existing_ledger", "no_attempts", "read_attempts"]

ATTEMPTS_SCHEMA = pa.schema(
    [
        pa.field("attempt_id", pa.string(), nullable=False),
        pa.field("request_key", pa.string(), nullable=False),
        pa.field("run_id", pa.string(), nullable=False),
        pa.field("mode", pa.string(), nullable=False),
        pa.field("pack_id", pa.string(), nullable=False),
        pa.field("domain", pa.string(), nullable=False),
        pa.field("model_requested", pa.string(), nullable=False),
        ("model_returned", pa.string()),
        pa.field("status", pa.string(), nullable=False),
        ("http_status", pa.int64()),
        ("reason", pa.string()),
        ("request_id", pa.string()),
        ("system_fingerprint", pa.string()),
        ("prompt_tokens", pa.int64()),
        ("cached_tokens", pa.int64()),
        ("completion_tokens", pa.int64()),
        ("cost_usd", pa.float64()),
        ("price_as_of", pa.date32()),
        ("latency_ms", pa.int64()),
        pa.field("sent_at", pa.timestamp("us", tz="UTC"), nullable=False),
        ("received_at", pa.timestamp("us", tz="UTC")),
        ("estimated_prompt_tokens", pa.int64()),
        ("estimated_completion_tokens", pa.int64()),
        pa.field("cells_answered", pa.int64(), nullable=False),
        pa.field("cells_refused", pa.int64(), nullable=False),
    ]
)


def existing_ledger(url: str | None = None) -> Ledger | None:
    """Open the ledger for reading, or return None where none was begun yet.

    One with an older schema is brought on. Raises LedgerError where there is one that cannot be
    read.
    """
    location = Location.of(url)
    if location.path is not None and not location.path.exists():
        return None
    try:
        return open_ledger(url, read_only=True)
    except NoLedgerError:
        return None
    except LedgerOutdatedError:
        open_ledger(url).close()
        return open_ledger(url, read_only=True)


def no_attempts() -> pa.Table:
    """Return no rows, with the columns of ATTEMPTS_SCHEMA."""
    return ATTEMPTS_SCHEMA.empty_table()


def read_attempts(url: str | None = None) -> pa.Table:
    """Return one row per attempt in the ledger, with how many cells it answered and refused."""
    ledger = existing_ledger(url)
    if ledger is None:
        return no_attempts()
    with ledger:
        answered, refused = _settled(ledger)
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


def _settled(ledger: Ledger) -> tuple[Counter[str], Counter[str]]:
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
