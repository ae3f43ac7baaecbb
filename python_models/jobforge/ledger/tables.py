"""The ledger's tables as queries see them; `migrations` makes them.

Times are whole microseconds since 1970 in UTC, the same on every database. A text is stored once,
under its SHA-256; `attempt` refers to its texts by hash. What belongs to the whole request stands
in `attempt` only, so that an answer's row is small.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Integer, MetaData, Table, Text

__all__ = [
    "TEXT_COLUMNS",
    "answer",
    "attempt",
    "batch",
    "batch_item",
    "claim",
    "metadata",
    "pending_cell",
    "schema_version",
    "text",
]

metadata = MetaData()

# The columns of `attempt` and `batch_item` that refer to `text`.
TEXT_COLUMNS = ("system_text", "user_text", "schema_text", "parameters_text")

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


attempt = Table(
    "attempt",
    metadata,
    Column("attempt_no", BigInteger, primary_key=True),
    Column("attempt_id", Text, nullable=False, unique=True),
    Column("request_key", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("job_id", Text, nullable=False),
    Column("job_digest", Text, nullable=False),
    Column("pack_id", Text, nullable=False),
    Column("domain", Text, nullable=False),
    Column("model_requested", Text, nullable=False),
    Column("model_returned", Text),
    Column("prompt_version", Text, nullable=False),
    Column("instructions_hash", Text, nullable=False),
    Column("schema_version", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("http_status", BigInteger),
    Column("reason", Text),
    Column("request_id", Text),
    Column("system_fingerprint", Text),
    Column("prompt_tokens", BigInteger),
    Column("cached_tokens", BigInteger),
    Column("completion_tokens", BigInteger),
    Column("cost_usd", Double),
    Column("price_as_of", Text),
    Column("latency_ms", BigInteger),
    Column("sent_at", BigInteger, nullable=False),
    Column("received_at", BigInteger),
    *(_text_column(name) for name in TEXT_COLUMNS),
    Column("raw_reply", Text),
    Column("row_hash", Text, nullable=False),
    Column("estimated_prompt_tokens", BigInteger),
    Column("estimated_completion_tokens", BigInteger),
    Column("settled_cells", BigInteger),
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

claim = Table(
    "claim",
    metadata,
    Column("cell_key", Text, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
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
