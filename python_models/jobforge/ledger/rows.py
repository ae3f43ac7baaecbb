"""Records as rows, rows as records, and the hashes that hold a row together.

An attempt's hash covers all of its columns that are not null but its link in the ledger's chain,
the number of its answers among them; an answer's covers its own and its attempt's hash. So nothing
of either can be changed, and no answer taken away, unnoticed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from jobforge.ledger import tables
from jobforge.ledger.hashes import digest, request_key, text_hash
from jobforge.ledger.records import AskedCell, AskedRequest, AttemptRecord, BatchItem, CellAnswer

__all__ = [
    "Row",
    "answer_hash",
    "answer_row",
    "attempt_hash",
    "attempt_row",
    "from_micros",
    "hashes_of",
    "item_of_row",
    "item_row",
    "item_texts",
    "kept_hash",
    "key_of",
    "storable",
    "to_micros",
]

Row = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UNHASHED = (
    *("attempt_no", "answer_no", "row_hash", "chain_hash"),
    *("texts_dropped_at", "kept_hash"),
)
_ATTEMPT_COLUMNS = sorted(c.name for c in tables.attempt.c if c.name not in _UNHASHED)
_ANSWER_COLUMNS = sorted(
    c.name for c in tables.answer.c if c.name not in (*_UNHASHED, "attempt_no")
)


def to_micros(moment: datetime) -> int:
    """Return a time as microseconds since 1970 in UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the time, in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def storable(text: str) -> str:
    """Return a text without what a database refuses: half surrogates and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


def item_texts(request: AskedRequest) -> dict[str, str]:
    """Return the texts of a request by their column."""
    return {
        "system_text": storable(request.system_text),
        "user_text": storable(request.user_text),
        "schema_text": storable(request.schema_text),
        "parameters_text": request.parameters,
    }


def key_of(request: AskedRequest, hashes: Mapping[str, str]) -> str:
    """Return the key of a request; `hashes` are those of its texts, by column."""
    return request_key(
        request.model,
        request.parameters,
        hashes["system_text"],
        hashes["user_text"],
        hashes["schema_text"],
    )


def attempt_row(
    attempt: AttemptRecord, hashes: Mapping[str, str], raw_reply: str | None, reason: str | None
) -> Row:
    """Return the row of an attempt; `hashes` are those of its texts, by column."""
    request = attempt.request
    row: Row = {
        "attempt_id": attempt.attempt_id,
        "request_key": key_of(request, hashes),
        "run_id": attempt.run_id,
        "mode": attempt.mode,
        "job_id": storable(request.job_id),
        "job_digest": request.job_digest,
        "pack_id": request.pack_id,
        "domain": request.domain,
        "model_requested": request.model,
        "model_returned": attempt.model_returned,
        "prompt_version": request.prompt_version,
        "instructions_hash": request.instructions_hash,
        "schema_version": request.schema_version,
        "status": attempt.status,
        "http_status": attempt.http_status,
        "reason": reason,
        "request_id": attempt.request_id,
        "system_fingerprint": attempt.system_fingerprint,
        "prompt_tokens": attempt.prompt_tokens,
        "cached_tokens": attempt.cached_tokens,
        "completion_tokens": attempt.completion_tokens,
        "cost_usd": None if attempt.cost_usd is None else float(attempt.cost_usd),
        "price_as_of": None if attempt.price_as_of is None else attempt.price_as_of.isoformat(),
        "latency_ms": attempt.latency_ms,
        "sent_at": to_micros(attempt.sent_at),
        "received_at": None if attempt.received_at is None else to_micros(attempt.received_at),
        **hashes,
        "raw_reply": raw_reply,
        "estimated_prompt_tokens": request.estimated_prompt_tokens,
        "estimated_completion_tokens": request.estimated_completion_tokens,
        "settled_cells": len(attempt.answers),
        "cache_write_tokens": attempt.cache_write_tokens,
        "reasoning_tokens": attempt.reasoning_tokens,
    }
    row["row_hash"] = attempt_hash(row)
    return row


def answer_row(
    cell: AskedCell, answer: CellAnswer, value: str | None, rationale: str | None, attempt: str
) -> Row:
    """Return the row of an answer, without its attempt's number; `attempt` is its hash."""
    row: Row = {
        "attribute_id": cell.attribute_id,
        "attribute_digest": cell.attribute_digest,
        "question_key": cell.question_key,
        "cell_key": cell.cell_key,
        "evidence_hash": cell.evidence_hash,
        "outcome": answer.outcome,
        "value": value,
        "confidence": None if answer.confidence is None else float(answer.confidence),
        "rationale": rationale,
    }
    row["row_hash"] = answer_hash(row, attempt)
    return row


def attempt_hash(row: Mapping[str, Any]) -> str:
    """Derive the hash of an attempt's row."""
    return digest("attempt", *_named(row, _ATTEMPT_COLUMNS))


def kept_hash(row: Mapping[str, Any]) -> str:
    """Derive the hash of what stays of an attempt's row when its prompt and reply are dropped.

    It covers the row's own hash, from which answers and the chain go on.
    """
    names = [name for name in _ATTEMPT_COLUMNS if name != "raw_reply"]
    return digest("kept attempt", row["row_hash"], row["texts_dropped_at"], *_named(row, names))


def answer_hash(row: Mapping[str, Any], attempt_hash: str) -> str:
    """Derive the hash of an answer's row."""
    return digest("answer", attempt_hash, *_named(row, _ANSWER_COLUMNS))


def _named(row: Mapping[str, Any], columns: list[str]) -> list[Any]:
    # Without nulls: a column that a later version adds leaves older hashes as they are.
    return [part for name in columns if row[name] is not None for part in (name, row[name])]


def item_row(local_id: str, item: BatchItem, hashes: Mapping[str, str]) -> Row:
    """Return the row of a batch's item: the texts by hash, the rest as JSON."""
    request = item.request
    rest = {name: getattr(request, name) for name in _ITEM_FIELDS}
    rest["definitions"] = item.definitions
    rest["cells"] = [[c.attribute_id, c.attribute_digest, c.evidence_hash] for c in request.cells]
    return {
        "local_id": local_id,
        "custom_id": item.custom_id,
        **hashes,
        "request": json.dumps(rest, separators=(",", ":"), ensure_ascii=False),
    }


def item_of_row(row: Mapping[str, Any], texts: Mapping[str, str]) -> BatchItem:
    """Return a batch's item; `texts` gives the contents by hash."""
    rest = json.loads(row["request"])
    cells = rest.pop("cells")
    definitions = rest.pop("definitions", "")
    request = AskedRequest(
        **rest,
        system_text=texts[row["system_text"]],
        user_text=texts[row["user_text"]],
        schema_text=texts[row["schema_text"]],
        parameters=texts[row["parameters_text"]],
        cells=(),
    )
    asked = [
        AskedCell(attribute_id, attribute_digest, evidence, *request.keys(attribute_digest))
        for attribute_id, attribute_digest, evidence in cells
    ]
    return BatchItem(row["custom_id"], replace(request, cells=tuple(asked)), definitions)


_ITEM_FIELDS = (
    "job_id",
    "job_digest",
    "pack_id",
    "domain",
    "model",
    "prompt_version",
    "instructions_hash",
    "schema_version",
    "estimated_prompt_tokens",
    "estimated_completion_tokens",
)


def hashes_of(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the hashes of texts, by the same names."""
    return {name: text_hash(content) for name, content in texts.items()}
