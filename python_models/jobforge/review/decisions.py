"""The ledger's reviews as a table: SQL decides which of them hold and what they come to."""

from __future__ import annotations

import pyarrow as pa

from jobforge.ledger import existing_ledger

__all__ = ["DECISIONS_SCHEMA", "no_decisions", "read_decisions"]

_MOMENT = pa.timestamp("us", tz="UTC")
DECISIONS_SCHEMA = pa.schema(
    [
        pa.field("review_number", pa.int64(), nullable=False),
        pa.field("review_id", pa.string(), nullable=False),
        pa.field("export_id", pa.string()),
        pa.field("job_id", pa.string(), nullable=False),
        pa.field("attribute_id", pa.string(), nullable=False),
        pa.field("decision", pa.string(), nullable=False),
        pa.field("value", pa.string()),
        pa.field("shown_value", pa.string()),
        pa.field("shown_source", pa.string()),
        pa.field("shown_model", pa.string()),
        pa.field("shown_prompt_version", pa.string()),
        pa.field("drawn", pa.string()),
        pa.field("weight", pa.float64()),
        pa.field("reviewer", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("withdraws", pa.string()),
        pa.field("decided_at", _MOMENT, nullable=False),
    ]
)


def no_decisions() -> pa.Table:
    """Return no rows, with the columns of DECISIONS_SCHEMA."""
    return DECISIONS_SCHEMA.empty_table()


def read_decisions(url: str | None = None) -> pa.Table:
    """Return one row per review in the ledger, withdrawals too, numbered by age from 1."""
    ledger = existing_ledger(url)
    if ledger is None:
        return no_decisions()
    with ledger:
        found = ledger.reviews()
    rows = [
        {"review_number": number}
        | {name: getattr(one, name) for name in DECISIONS_SCHEMA.names if name != "review_number"}
        for number, one in enumerate(found, 1)
    ]
    return pa.Table.from_pylist(rows, schema=DECISIONS_SCHEMA)
