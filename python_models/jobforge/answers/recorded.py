"""Answers that a real model gave earlier, replayed by the key of the question.

The recording says which model gave an answer and when, so a replayed answer's provenance is that
of the day it was given. A recorded value is checked like a fresh one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobforge.answers.outcomes import CellOutcome
from jobforge.reasons import Reason, ReasonCode
from jobforge.requests.inputs import ArrowRows, Attribute
from jobforge.requests.prompts import prompt_version
from jobforge.requests.values import BadValueError, parse_value

__all__ = ["Recording", "recorded_of"]


def recorded_of(model: str, rows: pa.Table) -> pa.Table:
    """Return the recorded answers of one model, by the name that was asked for."""
    return rows.filter(pc.field("model_requested") == model)


class Recording:
    """Answers by cell; where one cell has several, the latest counts."""

    def __init__(self, rows: ArrowRows) -> None:
        table = rows if isinstance(rows, pa.Table) else rows.read_all()
        order = [("imputed_at", "ascending"), ("value", "ascending")]
        self._answers: dict[str, Mapping[str, Any]] = {
            row["question_key"]: row for row in table.sort_by(order).to_pylist()
        }

    def __bool__(self) -> bool:
        return bool(self._answers)

    def outcome(self, question_key: str, attribute: Attribute) -> CellOutcome | None:
        """Return the outcome of a cell that has a recorded answer, or None."""
        row = self._answers.get(question_key)
        if row is None:
            return None
        without_reason = row["prompt_version"] == prompt_version("none")
        asked = [name for name in _REQUIRED if name != "rationale" or not without_reason]
        absent = [name for name in asked if row[name] in (None, "")]
        if absent:
            return _malformed(f"the recorded answer has no {' and no '.join(absent)}")
        if not 0 <= row["confidence"] <= 1:
            return _malformed("the recorded answer's confidence is not from 0 to 1")
        try:
            value = parse_value(attribute, row["value"])
        except BadValueError as error:
            reason = Reason(ReasonCode.VALUE_OFF_TYPE, f"the recorded answer's {error}")
            return CellOutcome("failed", reason)
        return CellOutcome(
            "answered",
            value=value,
            confidence=float(row["confidence"]),
            rationale=row["rationale"] or "",
            model_requested=row["model_requested"],
            model_used=row["model_used"],
            prompt_version=row["prompt_version"],
            request_id=row["request_id"],
            imputed_at=_utc(row["imputed_at"]),
        )


_REQUIRED = ("value", "confidence", "rationale", "model_used", "prompt_version", "imputed_at")


def _malformed(text: str) -> CellOutcome:
    return CellOutcome("failed", Reason(ReasonCode.ANSWER_MALFORMED, text))


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
