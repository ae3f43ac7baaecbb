"""Attempts and answers for the ledger's tests, made from a job's number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from jobforge.ledger import AskedCell, AskedRequest, AttemptRecord, BatchItem, CellAnswer
from jobforge.ledger.hashes import digest, evidence_hash, known_digest

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LATER = NOON + timedelta(days=1)
ATTRIBUTES = ("numeracy", "teamwork")


def asked(
    job: int = 1,
    attributes: Sequence[str] = ATTRIBUTES,
    *,
    model: str = "model-a",
    evidence: str = "first",
    **changes: Any,
) -> AskedRequest:
    """Return the request for a job's attributes."""
    fields: dict[str, Any] = {
        "job_id": f"J{job}",
        "job_digest": digest("job", f"J{job}"),
        "pack_id": "skills_1",
        "domain": "skills",
        "model": model,
        "parameters": '{"temperature":0}',
        "prompt_version": "1-abc",
        "instructions_hash": digest("instructions"),
        "schema_version": "1",
        "system_text": "You are a workforce analyst.",
        "user_text": f"The job J{job}, with evidence {evidence}",
        "schema_text": '{"type":"object"}',
        "estimated_prompt_tokens": 100,
        "estimated_completion_tokens": 40,
        **changes,
    }
    bare = AskedRequest(**fields, cells=())
    seen = evidence_hash(known_digest([("education", evidence)]), [])
    cells = []
    for attribute in attributes:
        definition = digest("attribute", attribute)
        cells.append(AskedCell(attribute, definition, seen, *bare.keys(definition)))
    return replace(bare, cells=tuple(cells))


def cell_keys(*requests: AskedRequest) -> list[str]:
    """Return the cell keys of requests."""
    return [cell.cell_key for request in requests for cell in request.cells]


def evidence_of(*requests: AskedRequest) -> dict[str, str]:
    """Return the evidence of requests' cells, by cell key."""
    return {cell.cell_key: cell.evidence_hash for one in requests for cell in one.cells}


def attempt(
    request: AskedRequest | None = None,
    attempt_id: str | None = None,
    *,
    value: str | None = "3",
    minute: int = 0,
    run_id: str = "run-1",
    **changes: Any,
) -> AttemptRecord:
    """Return an attempt that answers all cells with the value, or refuses them for None."""
    request = request or asked()
    given = [
        CellAnswer(cell.attribute_id, "refused")
        if value is None
        else CellAnswer(cell.attribute_id, "answered", value, 0.75, "as comparable jobs")
        for cell in request.cells
    ]
    fields: dict[str, Any] = {
        "mode": "live",
        "status": "refused" if value is None else "answered",
        "reason": "the model declined" if value is None else None,
        "sent_at": NOON + minute * MINUTE,
        "received_at": NOON + minute * MINUTE + timedelta(seconds=1),
        "answers": tuple(given),
        "http_status": 200,
        "request_id": f"req-{request.job_id}-{minute}",
        "model_returned": request.model,
        "system_fingerprint": "fp",
        "prompt_tokens": 120,
        "cached_tokens": 64,
        "completion_tokens": 50,
        "cost_usd": 0.0007,
        "price_as_of": NOON.date(),
        "latency_ms": 900,
        "raw_reply": '{"numeracy": 3}',
        **changes,
    }
    return AttemptRecord(
        attempt_id=attempt_id or f"{request.job_id}-{request.model}-{minute}",
        run_id=run_id,
        request=request,
        **fields,
    )


def failed(request: AskedRequest | None = None, attempt_id: str = "failed") -> AttemptRecord:
    """Return an attempt that brought nothing."""
    return replace(
        attempt(request, attempt_id),
        status="failed",
        reason="HTTP 500",
        http_status=500,
        answers=(),
        model_returned=None,
        raw_reply=None,
    )


def item(job: int) -> BatchItem:
    """Return a batch's item that asks a job's attributes."""
    return BatchItem(f"item-{job:03}", asked(job))
