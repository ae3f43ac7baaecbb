"""The ledger's tables as queries see them; `migrations` makes them, `columns` has an attempt's.

Times are whole microseconds since 1970 in UTC, the same on every database. A text is stored once,
under its SHA-256; `attempt` refers to its texts by hash. What belongs to the whole request stands
in `attempt` only, so that an answer's row is small.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

from jobforge.ledger.columns import ATTEMPT, TEXT_COLUMNS

__all__ = [
    "answer",
    "attempt",
    "batch",
    "batch_item",
    "chain_end",
    "claim",
    "history_part",
    "metadata",
    "pending_cell",
    "review",
    "schema_version",
    "text",
]

metadata = MetaData()

schema_version = Table(
    "schema_version",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("applied_at", BigInteger, nullable=False),
)

text = Table(
    "text",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("content", Text, nullable=False),
)


def _text_column(name: str) -> Column[str]:
    return Column(name, Text, ForeignKey("text.sha256"), nullable=False)


_TYPES = {"count": BigInteger, "amount": Double, "moment": BigInteger}


def _column(name: str) -> Column[Any]:
    kind, nullable = ATTEMPT[name]
    if kind == "reference":
        return _text_column(name)
    unique = name == "attempt_id" or None
    return Column(name, _TYPES.get(kind, Text), nullable=nullable, unique=unique)


attempt = Table(
    "attempt",
    metadata,
    Column("attempt_no", BigInteger, primary_key=True),
    *map(_column, ATTEMPT),
)

answer = Table(
    "answer",
    metadata,
    Column("answer_no", BigInteger, primary_key=True),
    Column("attempt_no", BigInteger, ForeignKey("attempt.attempt_no"), nullable=False),
    Column("attribute_id", Text, nullable=False),
    Column("attribute_digest", Text, nullable=False),
    Column("question_key", Text, nullable=False),
    Column("cell_key", Text, nullable=False),
    Column("evidence_hash", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("value", Text),
    Column("confidence", Double),
    Column("rationale", Text),
    Column("row_hash", Text, nullable=False),
)

# One row: the number of the last attempt and its link in the chain.
chain_end = Table(
    "chain_end",
    metadata,
    Column("attempt_no", BigInteger, nullable=False),
    Column("chain_hash", Text, nullable=False),
)

claim = Table(
    "claim",
    metadata,
    Column("cell_key", Text, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

# A run that has claims, a counter that it moves on for as long as it lives, and when it last did,
# by the dialect's steady clock. A claim without one is free: its `expires_at`, by the clock of the
# day, is what older versions went by.
claimant = Table(
    "claimant",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("beat", BigInteger, nullable=False),
    Column("beaten_at", BigInteger, nullable=False),
)

batch = Table(
    "batch",
    metadata,
    Column("local_id", Text, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("input_file_id", Text),
    Column("api_batch_id", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
)

# Both are emptied when their batch is finished: its attempts hold everything then.
batch_item = Table(
    "batch_item",
    metadata,
    Column("local_id", Text, ForeignKey("batch.local_id"), primary_key=True),
    Column("custom_id", Text, primary_key=True),
    *(_text_column(name) for name in TEXT_COLUMNS),
    Column("request", Text, nullable=False),
)

pending_cell = Table(
    "pending_cell",
    metadata,
    Column("cell_key", Text, primary_key=True),
    Column("local_id", Text, ForeignKey("batch.local_id"), nullable=False),
)

# What a person said of a cell; a withdrawal is a row of its own that names the row it takes back.
review = Table(
    "review",
    metadata,
    Column("review_no", BigInteger, primary_key=True),
    Column("review_id", Text, nullable=False, unique=True),
    Column("export_id", Text),
    Column("job_id", Text, nullable=False),
    Column("attribute_id", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("value", Text),
    Column("shown_value", Text),
    Column("shown_source", Text),
    Column("shown_model", Text),
    Column("shown_prompt_version", Text),
    Column("drawn", Text),
    Column("weight", Double),
    Column("reviewer", Text, nullable=False),
    Column("reason", Text),
    Column("withdraws", Text),
    Column("decided_at", BigInteger, nullable=False),
    Column("row_hash", Text, nullable=False),
)

# What gold said: the whole layer where a history begins, then what each run changed. `content` is
# a Parquet file; a part's hash covers it and the hash of the part before it in its history.
history_part = Table(
    "history_part",
    metadata,
    Column("part_no", BigInteger, primary_key=True),
    Column("history", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("part", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("dbt_invocation_id", Text, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("row_count", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("row_hash", Text, nullable=False),
)
