"""Small inputs for tests: one pack with an attribute of each value type, and jobs that ask."""

from __future__ import annotations

import csv
import os
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from jobforge.pipeline import impute
from jobforge.requests.inputs import (
    Attribute,
    ComparableJob,
    ImputationRequest,
    Job,
    KnownAttribute,
    Pack,
)
from jobforge.requests.keys import Keyer
from jobforge.settings import Settings

from support.waiting import HANG_SECONDS

PRICES = Path(__file__).parents[2] / "seeds" / "reference" / "model_prices.csv"

READING = Attribute(
    "reading",
    "Reading",
    "skills",
    "Understanding written text.",
    "rating",
    scale_minimum=Decimal(0),
    scale_maximum=Decimal(5),
)
TRAVEL = Attribute(
    "travel_days",
    "Travel days",
    "organisation",
    "Days away from home in a year.",
    "number",
    scale_minimum=Decimal(0),
    scale_maximum=Decimal("365"),
    unit="days",
)
LEADERSHIP = Attribute(
    "leadership",
    "Leadership level",
    "organisation",
    "How far the job leads others.",
    "category",
    allowed_values=("none", "team lead", "manager"),
)
SHIFTS = Attribute("shifts", "Shift work", "organisation", "Works in shifts.", "boolean")
TOOLS = Attribute("tools", "Typical tools", "organisation", "Tools in daily use.", "text")
ATTRIBUTES = (READING, TRAVEL, LEADERSHIP, SHIFTS, TOOLS)
PACK = Pack("organisation 1", ATTRIBUTES)
IDS = tuple(attribute.attribute_id for attribute in ATTRIBUTES)
JOB = Job("j1", "Data Analyst", "Analytics", "Business Intelligence", "21211", "Data scientists")


def request(
    job: Job = JOB,
    attribute_ids: tuple[str, ...] = IDS,
    known: Iterable[tuple[str, str]] = (),
    comparable: Iterable[tuple[str, dict[str, str]]] = (),
) -> ImputationRequest:
    """Return a request; comparable jobs are (title, values) pairs."""
    return ImputationRequest(
        job=job,
        pack_id=PACK.pack_id,
        attribute_ids=attribute_ids,
        known_attributes=tuple(KnownAttribute(name, value) for name, value in known),
        comparable_jobs=tuple(
            ComparableJob(title, "same unit group", tuple(values.items()))
            for title, values in comparable
        ),
    )


def packs_table(*packs: Pack) -> pa.Table:
    """Return the packs as the warehouse gives them."""
    rows = [
        {
            "pack_id": pack.pack_id,
            "domain": attribute.domain,
            "pack_position": position,
            "attribute_id": attribute.attribute_id,
            "attribute_name": attribute.name,
            "description": attribute.description,
            "value_type": attribute.value_type,
            "scale_minimum": _double(attribute.scale_minimum),
            "scale_maximum": _double(attribute.scale_maximum),
            "allowed_values": list(attribute.allowed_values) or None,
            "unit": attribute.unit,
        }
        for pack in packs or (PACK,)
        for position, attribute in enumerate(pack.attributes, start=1)
    ]
    return pa.Table.from_pylist(rows, schema=_PACKS)


def requests_table(*requests: ImputationRequest) -> pa.Table:
    """Return the requests as the warehouse gives them."""
    rows = [
        {
            "request_order": order,
            "job_id": asked.job.job_id,
            "job_title": asked.job.title,
            "job_family": asked.job.family,
            "job_function": asked.job.function,
            "unit_group": asked.job.unit_group,
            "unit_group_title": asked.job.unit_group_title,
            "pack_id": asked.pack_id,
            "attribute_ids": list(asked.attribute_ids),
            "known_attributes": [
                {"attribute_name": known.name, "value": known.value}
                for known in asked.known_attributes
            ]
            or None,
            "comparable_jobs": [
                {
                    "job_title": job.title,
                    "relation": job.relation,
                    "values": [{"attribute_id": a, "value": v} for a, v in job.values],
                }
                for job in asked.comparable_jobs
            ]
            or None,
        }
        for order, asked in enumerate(requests, start=1)
    ]
    return pa.Table.from_pylist(rows, schema=_REQUESTS)


def jobs(count: int) -> list[ImputationRequest]:
    """Return a request for each of some jobs."""
    return [request(Job(f"j{number}", f"Job {number}")) for number in range(1, count + 1)]


def recorded_table(*rows: dict[str, Any]) -> pa.Table:
    """Return recorded answers; each row needs only its question_key and what differs."""
    usual = {
        "job_id": JOB.job_id,
        "attribute_id": READING.attribute_id,
        "value": "4",
        "confidence": 0.8,
        "rationale": "Reports are read every day.",
        "model_requested": "asked-model",
        "model_used": "real-model",
        "prompt_version": "1-recorded",
        "request_id": "req_recorded",
        "imputed_at": datetime(2026, 1, 2, 3, 4, 5),
    }
    return pa.Table.from_pylist([{**usual, **row} for row in rows], schema=_RECORDED)


def question_key(job: Job = JOB, attribute: Attribute = READING) -> str:
    """Return the key of the question after one attribute of a job."""
    pack = Pack("of one", (attribute,))
    asked = ImputationRequest(job, pack.pack_id, (attribute.attribute_id,))
    keyed = Keyer(Settings()).keyed(asked, pack)
    return keyed.cells[attribute.attribute_id].question_key


@cache
def prices_table() -> pa.Table:
    """Return the prices that the project comes with."""
    with PRICES.open(encoding="utf-8", newline="") as file:
        return pa.Table.from_pylist(list(csv.DictReader(file)))


def run(
    *requests: ImputationRequest,
    settings: Settings | None = None,
    recorded: pa.Table | None = None,
    log: Callable[[str], None] | None = None,
    warn: Callable[[str], None] | None = None,
    stop: threading.Event | None = None,
    packs: Iterable[Pack] = (PACK,),
    invocation_id: str = "invocation-1",
    prices: pa.Table | None = None,
) -> list[dict[str, Any]]:
    """Run the pipeline to its end and return its rows, requests in the order in which they end.

    The ledger is the test's own, which the fixture `ledger_file` names.
    """
    assert "JOBFORGE_LEDGER" in os.environ, "use the fixture ledger_file"
    reader = impute(
        packs_table(*packs),
        requests_table(*requests),
        recorded_table() if recorded is None else recorded,
        prices or prices_table(),
        settings or Settings(mode="live", timeout_seconds=HANG_SECONDS),
        invocation_id=invocation_id,
        log=log or (lambda line: None),
        warn=warn,
        stop=stop,
    )
    rows: list[dict[str, Any]] = reader.read_all().to_pylist()
    return rows


def utc(*parts: int) -> datetime:
    """Return a moment in UTC."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


def _double(bound: Decimal | None) -> float | None:
    return None if bound is None else float(bound)


_TEXT = pa.string()
_PACKS = pa.schema(
    [
        ("pack_id", _TEXT),
        ("domain", _TEXT),
        ("pack_position", pa.int32()),
        ("attribute_id", _TEXT),
        ("attribute_name", _TEXT),
        ("description", _TEXT),
        ("value_type", _TEXT),
        ("scale_minimum", pa.float64()),
        ("scale_maximum", pa.float64()),
        ("allowed_values", pa.list_(_TEXT)),
        ("unit", _TEXT),
    ]
)
_REQUESTS = pa.schema(
    [
        ("request_order", pa.int64()),
        ("job_id", _TEXT),
        ("job_title", _TEXT),
        ("job_family", _TEXT),
        ("job_function", _TEXT),
        ("unit_group", _TEXT),
        ("unit_group_title", _TEXT),
        ("pack_id", _TEXT),
        ("attribute_ids", pa.list_(_TEXT)),
        ("known_attributes", pa.list_(pa.struct([("attribute_name", _TEXT), ("value", _TEXT)]))),
        (
            "comparable_jobs",
            pa.list_(
                pa.struct(
                    [
                        ("job_title", _TEXT),
                        ("relation", _TEXT),
                        (
                            "values",
                            pa.list_(pa.struct([("attribute_id", _TEXT), ("value", _TEXT)])),
                        ),
                    ]
                )
            ),
        ),
    ]
)
_RECORDED = pa.schema(
    [
        ("question_key", _TEXT),
        ("job_id", _TEXT),
        ("attribute_id", _TEXT),
        ("value", _TEXT),
        ("confidence", pa.float64()),
        ("rationale", _TEXT),
        ("model_requested", _TEXT),
        ("model_used", _TEXT),
        ("prompt_version", _TEXT),
        ("request_id", _TEXT),
        ("imputed_at", pa.timestamp("us")),
    ]
)
