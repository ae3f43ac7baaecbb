"""The records of a history as Arrow: first the layer, in as many rows as states, then the changes.

A row of the layer is a state of an attribute with all the jobs whose cells had it; a row of a
change is one cell. A content of an older version that lacks a column has nulls there, so that a new
column of a state needs no more than its line in STATE and in the macro cell_state_columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from jobforge.ledger import HistoryPart

if TYPE_CHECKING:
    from jobforge.ledger import Ledger

__all__ = ["CONTENT", "RECORDS", "STATE", "no_records", "read_records", "shaped"]

_MOMENT = pa.timestamp("us", tz="UTC")

# What a cell's state is made of, as macros/history.sql has it.
STATE = {
    "value": pa.string(),
    "fill_status": pa.string(),
    "fill_reason_code": pa.string(),
    "source_type": pa.string(),
    "source_precedence": pa.float64(),
    "dataset": pa.string(),
    "dataset_release": pa.string(),
    "source_record": pa.string(),
    "inheritance_level": pa.string(),
    "model_used": pa.string(),
    "prompt_version": pa.string(),
    "request_id": pa.string(),
    "imputed_at": _MOMENT,
    "reviewed_by": pa.string(),
    "reviewed_at": _MOMENT,
}

# What the ledger stores of a row.
CONTENT = pa.schema(
    [
        pa.field("attribute_id", pa.string(), nullable=False),
        pa.field("job_ids", pa.list_(pa.string())),
        pa.field("job_id", pa.string()),
        pa.field("change_kind", pa.string()),
        pa.field("change_reason", pa.string()),
        *(pa.field(f"{name}_before", type_) for name, type_ in STATE.items()),
        *(pa.field(f"{name}_after", type_) for name, type_ in STATE.items()),
    ]
)

# What a row is when it is read: numbers are its place among all rows, and among the changes.
RECORDS = pa.schema(
    [
        pa.field("record_number", pa.int64(), nullable=False),
        pa.field("change_number", pa.int64()),
        pa.field("sequence", pa.int64(), nullable=False),
        pa.field("recorded_at", _MOMENT, nullable=False),
        pa.field("dbt_invocation_id", pa.string(), nullable=False),
        *CONTENT,
    ]
)


def no_records() -> pa.RecordBatchReader:
    """Return no rows, with the columns of RECORDS."""
    return pa.RecordBatchReader.from_batches(RECORDS, iter(()))


def shaped(rows: pa.Table) -> pa.Table:
    """Return rows with the columns of CONTENT, null where they have none."""
    return pa.table(
        [
            rows[field.name].cast(field.type)
            if field.name in rows.schema.names
            else pa.nulls(rows.num_rows, field.type)
            for field in CONTENT
        ],
        schema=CONTENT,
    )


def read_records(ledger: Ledger, name: str, *, after: int = 0) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a history that were recorded after that recording."""
    earlier = [one for one in ledger.recordings(name) if one.sequence <= after]
    records = sum(one.row_count for one in earlier)
    changes = sum(one.row_count for one in earlier if one.kind == "changes")
    for part, rows in ledger.history(name, after=after):
        yield from _numbered(part, shaped(rows), records, changes).to_batches()
        records += part.row_count
        changes += part.row_count if part.kind == "changes" else 0


def _numbered(part: HistoryPart, rows: pa.Table, records: int, changes: int) -> pa.Table:
    count = rows.num_rows
    facts = {
        "record_number": pa.array(range(records + 1, records + 1 + count), pa.int64()),
        "change_number": pa.nulls(count, pa.int64()),
        "sequence": pa.repeat(pa.scalar(part.sequence, pa.int64()), count),
        "recorded_at": pa.repeat(pa.scalar(part.recorded_at, _MOMENT), count),
        "dbt_invocation_id": pa.repeat(pa.scalar(part.dbt_invocation_id), count),
    }
    if part.kind == "changes":
        facts["change_number"] = pa.array(range(changes + 1, changes + 1 + count), pa.int64())
    return pa.table([*facts.values(), *rows.columns], schema=RECORDS)
