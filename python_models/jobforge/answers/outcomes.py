"""What goes out: one row per cell of every request, in Arrow.

Answered rows, and only they, have a value, a confidence, a rationale, the model that gave them,
the prompt's version and the time; every other row has a reason, as a code
and as a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import Literal

import pyarrow as pa

from jobforge.reasons import Reason

__all__ = ["OUTCOME_SCHEMA", "CellOutcome", "OutcomeColumns", "OutcomeKind"]

OutcomeKind = Literal["answered", "refused", "failed", "awaiting_llm"]

OUTCOME_SCHEMA = pa.schema(
    [
        pa.field("job_id", pa.string(), nullable=False),
        pa.field("attribute_id", pa.string(), nullable=False),
        pa.field("pack_id", pa.string(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),
        ("reason", pa.string()),
        ("reason_code", pa.string()),
        ("value", pa.string()),
        ("confidence", pa.float64()),
        ("rationale", pa.string()),
        ("model_requested", pa.string()),
        ("model_used", pa.string()),
        ("prompt_version", pa.string()),
        ("request_id", pa.string()),
        ("imputed_at", pa.timestamp("us", tz="UTC")),
        ("is_stale", pa.bool_()),
        ("estimated_calls", pa.float64()),
        ("estimated_input_tokens", pa.float64()),
        ("estimated_output_tokens", pa.float64()),
        ("estimated_cost_usd", pa.float64()),
        pa.field("dbt_invocation_id", pa.string(), nullable=False),
        pa.field("question_key", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class CellOutcome:
    """What became of one cell.

    is_stale: the answer was given on other evidence than there is now.
    estimated_*: the cell's share of the request that would ask for it, where that is planned; 0
        where it waits in a batch.
    run_id: the run that received the answer, where that is another than this one.
    question_key: of the question that was answered, where that is another than the cell's own.
    is_new: this run asked for the cell, and this is what came of it.
    """

    outcome: OutcomeKind
    reason: Reason | None = None
    value: str | None = None
    confidence: float | None = None
    rationale: str | None = None
    model_requested: str | None = None
    model_used: str | None = None
    prompt_version: str | None = None
    request_id: str | None = None
    imputed_at: datetime | None = None
    is_stale: bool | None = None
    estimated_calls: float | None = None
    estimated_input_tokens: float | None = None
    estimated_output_tokens: float | None = None
    estimated_cost_usd: float | None = None
    run_id: str | None = None
    question_key: str | None = None
    is_new: bool = False

    def planned_as(self, other: CellOutcome) -> CellOutcome:
        """Return this outcome with the other's estimates."""
        return replace(
            self,
            estimated_calls=other.estimated_calls,
            estimated_input_tokens=other.estimated_input_tokens,
            estimated_output_tokens=other.estimated_output_tokens,
            estimated_cost_usd=other.estimated_cost_usd,
        )


# What goes out as it is.
_PLAIN = [
    name
    for name in CellOutcome.__dataclass_fields__
    if name not in ("outcome", "reason", "run_id", "question_key", "is_new")
]


class OutcomeColumns:
    """Collects outcomes as columns and gives them out as record batches."""

    def __init__(self, invocation_id: str) -> None:
        self._invocation_id = invocation_id
        self._cells: list[tuple[str, str, str]] = []
        self._outcomes: list[CellOutcome] = []
        self._keys: list[str] = []

    def __len__(self) -> int:
        return len(self._outcomes)

    def add(
        self, job_id: str, attribute_id: str, pack_id: str, key: str, outcome: CellOutcome
    ) -> None:
        """Add one cell; `key` is its question's key, where the outcome tells no other."""
        self._cells.append((job_id, attribute_id, pack_id))
        self._outcomes.append(outcome)
        self._keys.append(outcome.question_key or key)

    def take(self) -> pa.RecordBatch:
        """Return what was collected so far, and start anew."""
        cells, outcomes, keys = self._cells, self._outcomes, self._keys
        self._cells, self._outcomes, self._keys = [], [], []
        columns: list[list[object]] = [[cell[place] for cell in cells] for place in range(3)]
        reasons = [outcome.reason for outcome in outcomes]
        columns += [
            [outcome.outcome for outcome in outcomes],
            [reason and reason.text for reason in reasons],
            [reason and reason.code.value for reason in reasons],
        ]
        columns += [list(map(attrgetter(name), outcomes)) for name in _PLAIN]
        runs: list[object] = [outcome.run_id or self._invocation_id for outcome in outcomes]
        columns += [list(runs), list(keys)]
        arrays = [
            pa.array(column, field.type)
            for column, field in zip(columns, OUTCOME_SCHEMA, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=OUTCOME_SCHEMA)
