"""The ledger's answers as a table, for SQL to see what the model said of cells that others filled.

An answer stays what it is when the national classification or HR fills its cell: a candidate that
lost. It is read, not asked for, so that it costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from jobforge.ledger import existing_ledger
from jobforge.requests.inputs import ArrowRows, Attribute, read_packs
from jobforge.requests.keys import attribute_digest
from jobforge.requests.values import BadValueError, parse_value

__all__ = ["KEPT_SCHEMA", "no_kept_answers", "read_kept_answers"]

_MOMENT = pa.timestamp("us", tz="UTC")
KEPT_SCHEMA = pa.schema(
    [
        pa.field("job_id", pa.string(), nullable=False),
        pa.field("attribute_id", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("confidence", pa.float64(), nullable=False),
        pa.field("rationale", pa.string()),
        pa.field("model_used", pa.string()),
        pa.field("prompt_version", pa.string(), nullable=False),
        pa.field("request_id", pa.string()),
        pa.field("imputed_at", _MOMENT, nullable=False),
        pa.field("dbt_invocation_id", pa.string(), nullable=False),
    ]
)
_TAKEN = {"imputed_at": "answered_at", "dbt_invocation_id": "run_id"}


def no_kept_answers() -> pa.Table:
    """Return no rows, with the columns of KEPT_SCHEMA."""
    return KEPT_SCHEMA.empty_table()


def read_kept_answers(packs: ArrowRows, url: str | None = None) -> pa.Table:
    """Return the ledger's answers to what the packs' attributes ask now, oldest first.

    An answer counts whatever the model, the prompt and the job's evidence were, but only where its
    attribute is defined as it is today and can have its value. Refusals are left out; a cell that
    was answered several times has several rows.
    """
    ledger = existing_ledger(url)
    if ledger is None:
        return no_kept_answers()
    attributes = {
        attribute_digest(attribute): attribute
        for pack in read_packs(packs).values()
        for attribute in pack.attributes
    }
    with ledger:
        batches = [
            pa.RecordBatch.from_pylist(list(_holding(batch, attributes)), schema=KEPT_SCHEMA)
            for batch in ledger.answers()
        ]
    return pa.Table.from_batches(batches, schema=KEPT_SCHEMA)


def _holding(
    batch: pa.RecordBatch, attributes: Mapping[str, Attribute]
) -> Iterable[dict[str, Any]]:
    for row in batch.to_pylist():
        attribute = attributes.get(row["attribute_digest"])
        if attribute is None or row["outcome"] != "answered":
            continue
        try:
            value = parse_value(attribute, row["value"] or "")
        except BadValueError:
            continue
        kept = {name: row[_TAKEN.get(name, name)] for name in KEPT_SCHEMA.names}
        yield kept | {"value": value}
