"""The columns of the file that a person fills in, and rows on their way into it and out of it.

What the export showed is sealed row by row, so that a decision is taken for what its reviewer saw.
Text of the warehouse stays text: nothing in it is a formula to a spreadsheet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from jobforge.errors import JobForgeError
from jobforge.ledger.hashes import digest
from jobforge.requests.inputs import Attribute
from jobforge.requests.schema import scale_steps

__all__ = [
    "COLUMNS",
    "DECISIONS",
    "FILLED_IN",
    "HIDDEN",
    "Cell",
    "FilledRow",
    "ReviewFileError",
    "bounded",
    "choices",
    "possible_values",
    "seal",
    "text_of",
]

# Name by name the heading that people see.
COLUMNS = {
    "job_id": "Job id",
    "job_title": "Job title",
    "job_family": "Job family",
    "attribute_id": "Attribute id",
    "attribute_name": "Attribute",
    "description": "What it means",
    "possible_values": "Possible values",
    "shown_value": "Value now",
    "shown_source": "Source",
    "sureness": "How sure",
    "rationale": "Reason given",
    "comparable_values": "Comparable jobs",
    "candidates": "Other candidates",
    "history": "History",
    "decision": "Decision",
    "value": "New value",
    "reviewer": "Reviewer",
    "reason": "Your reason",
    "export_id": "Export",
    "drawn": "Drawn",
    "weight": "Weight",
    "shown_model": "Model",
    "shown_prompt_version": "Prompt",
    "seal": "Seal",
}
FILLED_IN = ("decision", "value", "reviewer", "reason")
HIDDEN = ("export_id", "drawn", "weight", "shown_model", "shown_prompt_version", "seal")
_SEALED = (
    *("export_id", "job_id", "attribute_id", "shown_value", "shown_source", "drawn", "weight"),
    *("shown_model", "shown_prompt_version"),
)
# As people read them, and as the ledger has them.
DECISIONS = {"accept": "accept", "change": "change", "cannot say": "cannot_say"}

# A spreadsheet's cell holds 32,767 characters; nobody reads that many.
_LONGEST_TEXT = 2_000


class ReviewFileError(JobForgeError):
    """The file is none that a review can be read from; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as the warehouse has it now; both are None where nothing filled it."""

    attribute: Attribute
    value: str | None
    source_type: str | None


@dataclass(frozen=True, slots=True)
class FilledRow:
    """A row of a file that somebody filled in: its number there, and its texts by name."""

    number: int
    texts: Mapping[str, str | None]


def seal(texts: Mapping[str, str | None]) -> str:
    """Return what holds a row's identity and what it showed together."""
    return digest("review row", *(texts[name] for name in _SEALED))[:16]


def bounded(text: str | None) -> str | None:
    """Return a text that is not longer than somebody reads."""
    if text is None or len(text) <= _LONGEST_TEXT:
        return text
    return text[: _LONGEST_TEXT - 1] + "…"


def choices(attribute: Attribute) -> list[str] | None:
    """Return the values that can be chosen from, or None where they cannot be listed."""
    match attribute.value_type:
        case "category":
            return list(attribute.allowed_values)
        case "boolean":
            return ["true", "false"]
        case "rating":
            steps = scale_steps(attribute)
            return None if steps is None else [str(step) for step in steps]
        case _:
            return None


def possible_values(attribute: Attribute) -> str:
    """Return in words what values the attribute can have."""
    low, high = attribute.scale_minimum, attribute.scale_maximum
    unit = f" {attribute.unit}" if attribute.unit else ""
    if attribute.value_type in ("rating", "number"):
        if low is not None and high is not None:
            return f"{low:f} to {high:f}{unit}"
        return f"a number{unit}"
    return ", ".join(choices(attribute) or []) or "any text"


def text_of(value: Any, where: str) -> str | None:
    """Return a spreadsheet's value as text, None where it is empty.

    Raises ReviewFileError for a date, which a spreadsheet makes of what looked like one.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | datetime):
        raise ReviewFileError(f"{where}: {value:%Y-%m-%d} is a date; format the cell as text")
    if isinstance(value, int | float):
        return f"{Decimal(repr(value)).normalize():f}"
    return str(value).strip() or None if value is not None else None
