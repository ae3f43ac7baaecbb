"""The ledger as Arrow: a page of rows at a time, each read in a short transaction of its own.

Rows are only ever added, with growing numbers, so pages up to the last number at the start are one
state of the ledger, and a reader that pauses keeps nobody from writing.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pyarrow as pa
from sqlalchemy import Column, Connection, Select, bindparam, func, select

from jobforge.ledger import tables
from jobforge.ledger.columns import attempt_schema
from jobforge.ledger.database import Database
from jobforge.ledger.errors import missing
from jobforge.ledger.records import AnsweredReply
from jobforge.ledger.rows import from_micros
from jobforge.ledger.texts import chunks

__all__ = ["ANSWER_SCHEMA", "ATTEMPT_SCHEMA", "answered_replies", "answers", "attempts", "pages"]

_ROWS_PER_PAGE = 16_384
# A reply with log-probabilities may be a megabyte.
_REPLIES_PER_PAGE = 32

_MOMENT = pa.timestamp("us", tz="UTC")


def _fields(type_: pa.DataType, nullable: bool, *names: str) -> list[pa.Field]:
    return [pa.field(name, type_, nullable=nullable) for name in names]


# Without the texts, what they are hashed to, and what only verification needs.
ATTEMPT_SCHEMA = attempt_schema(
    [
        *("attempt_id", "request_key", "run_id", "mode", "job_id", "pack_id", "domain"),
        *("model_requested", "model_returned", "prompt_version", "schema_version", "status"),
        *("http_status", "reason", "request_id", "system_fingerprint"),
        *("prompt_tokens", "cached_tokens", "completion_tokens"),
        *("estimated_prompt_tokens", "estimated_completion_tokens"),
        *("cost_usd", "price_as_of", "latency_ms", "sent_at", "received_at", "row_hash"),
        *("cache_write_tokens", "reasoning_tokens"),
    ],
    day=pa.string(),
)

ANSWER_SCHEMA = pa.schema(
    [
        *_fields(pa.string(), False, "cell_key", "question_key", "evidence_hash"),
        *_fields(pa.string(), False, "job_id", "attribute_id", "attribute_digest", "pack_id"),
        *_fields(pa.string(), False, "outcome"),
        *_fields(pa.string(), True, "value"),
        *_fields(pa.float64(), True, "confidence"),
        *_fields(pa.string(), True, "rationale", "reason"),
        *_fields(pa.string(), False, "model_requested"),
        *_fields(pa.string(), True, "model_used"),
        *_fields(pa.string(), False, "prompt_version", "schema_version"),
        *_fields(pa.string(), True, "request_id"),
        *_fields(_MOMENT, False, "answered_at"),
        *_fields(pa.string(), False, "run_id", "attempt_id", "row_hash"),
    ]
)

# What an answer's own row does not hold comes from its attempt.
_FROM_ATTEMPT = {
    name: {"model_used": "model_returned", "answered_at": "received_at"}.get(name, name)
    for name in ANSWER_SCHEMA.names
    if name not in tables.answer.c
}
_OWN = [name for name in ANSWER_SCHEMA.names if name not in _FROM_ATTEMPT]

_SOURCES = select(
    *(tables.attempt.c[name] for name in _FROM_ATTEMPT.values()), tables.attempt.c.attempt_no
).where(tables.attempt.c.attempt_no.in_(bindparam("numbers", expanding=True)))

_VALUES = select(
    tables.answer.c.attempt_no, tables.answer.c.attribute_digest, tables.answer.c.value
).where(tables.answer.c.outcome == "answered")


def attempts(database: Database, run_id: str | None) -> pa.RecordBatchReader:
    """Stream the attempts, or one run's."""
    query = select(*(tables.attempt.c[name] for name in ATTEMPT_SCHEMA.names))
    if run_id is not None:
        query = query.where(tables.attempt.c.run_id == run_id)
    found = pages(database, query, tables.attempt.c.attempt_no)
    batches = (
        pa.RecordBatch.from_arrays(
            _arrays(page, ATTEMPT_SCHEMA.names, ATTEMPT_SCHEMA), schema=ATTEMPT_SCHEMA
        )
        for page in found
    )
    return pa.RecordBatchReader.from_batches(ATTEMPT_SCHEMA, batches)


def answers(database: Database) -> pa.RecordBatchReader:
    """Stream the answers and refusals."""
    query = select(*(tables.answer.c[name] for name in _OWN), tables.answer.c.attempt_no)
    found = pages(database, query, tables.answer.c.answer_no)
    batches = (_answer_batch(database, page) for page in found)
    return pa.RecordBatchReader.from_batches(ANSWER_SCHEMA, batches)


def answered_replies(database: Database, containing: str) -> Iterator[AnsweredReply]:
    """Yield the replies with that text in them from which an answer was read, oldest first."""
    query = select(
        tables.attempt.c.job_id,
        tables.attempt.c.model_returned,
        tables.attempt.c.received_at,
        tables.attempt.c.raw_reply,
    ).where(tables.attempt.c.raw_reply.contains(containing, autoescape=True))
    for page in pages(database, query, tables.attempt.c.attempt_no, _REPLIES_PER_PAGE):
        numbers = [row[-1] for row in page]
        values: dict[int, dict[str, str]] = {}
        for number, digest, value in database.read(
            partial(rows_of, query=_VALUES.where(tables.answer.c.attempt_no.in_(numbers)))
        ):
            values.setdefault(number, {})[digest] = value
        for job_id, model, received_at, raw_reply, number in page:
            if number in values:
                yield AnsweredReply(
                    job_id, model, from_micros(received_at), raw_reply, values[number]
                )


def pages(
    database: Database, query: Select[Any], number: Column[int], rows: int | None = None
) -> Iterator[list[Any]]:
    """Yield the query's rows in order of that number, with the number as the last column."""
    last = -1
    end = database.read(lambda connection: connection.execute(select(func.max(number))).scalar())
    query = query.add_columns(number).order_by(number).limit(rows or _ROWS_PER_PAGE)
    while end is not None:
        page = database.read(partial(rows_of, query=query.where(number > last, number <= end)))
        if not page:
            return
        yield page
        last = page[-1][-1]


def rows_of(connection: Connection, query: Select[Any]) -> list[Any]:
    """Return all rows of a query."""
    return list(connection.execute(query).all())


def _answer_batch(database: Database, page: list[Any]) -> pa.RecordBatch:
    # An attempt is fetched once and spread over its answers by Arrow: half the time of a join.
    numbers = [row[-2] for row in page]
    rows = database.read(
        lambda connection: [
            row
            for chunk in chunks(sorted(set(numbers)))
            for row in connection.execute(_SOURCES, {"numbers": chunk})
        ]
    )
    places = {row[-1]: place for place, row in enumerate(rows)}
    if not places.keys() >= set(numbers):
        raise missing("an answer's attempt")
    spread = pa.array([places[number] for number in numbers], pa.int64())
    columns = dict(zip(_OWN, _arrays(page, _OWN), strict=True))
    shared = _arrays(rows, list(_FROM_ATTEMPT))
    columns |= {
        name: column.take(spread) for name, column in zip(_FROM_ATTEMPT, shared, strict=True)
    }
    arrays = [columns[name] for name in ANSWER_SCHEMA.names]
    return pa.RecordBatch.from_arrays(arrays, schema=ANSWER_SCHEMA)


def _arrays(rows: list[Any], names: list[str], schema: pa.Schema = ANSWER_SCHEMA) -> list[pa.Array]:
    columns = list(zip(*rows, strict=True))
    return [pa.array(columns[n], schema.field(name).type) for n, name in enumerate(names)]
