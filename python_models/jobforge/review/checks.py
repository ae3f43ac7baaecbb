"""Which rows of a filled file hold: each becomes a review, or a sentence that says why not.

A row is taken whole or not at all, and one that is not keeps no other from being taken. What was
decided is about what the reviewer saw: a cell that has another value by now is not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import get_args

from jobforge.ledger.records import Drawn, Review
from jobforge.requests.values import BadValueError, parse_value
from jobforge.review.sheet import DECISIONS, Cell, FilledRow, seal

__all__ = ["Outcome", "check_rows"]

_LONGEST_NAME = 100
_LONGEST_REASON = 2_000


class _BadRowError(Exception):
    """The row does not hold; the message says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a row: a review, or `is_empty` or a problem."""

    row: FilledRow
    review: Review | None = None
    problem: str | None = None
    is_empty: bool = False


def check_rows(
    rows: Iterable[FilledRow],
    cell_of: Callable[[str, str], Cell | None],
    now: datetime,
    reviewer: str | None = None,
) -> list[Outcome]:
    """Return what becomes of each row, in the order of the file.

    cell_of: the cell of a job and an attribute as it is now. reviewer: who it was where a row does
    not say.
    """
    outcomes = [_outcome(row, cell_of, now, reviewer) for row in rows]
    return _without_contradictions(outcomes)


def _outcome(
    row: FilledRow,
    cell_of: Callable[[str, str], Cell | None],
    now: datetime,
    reviewer: str | None,
) -> Outcome:
    if not any(row.texts[name] for name in ("decision", "value", "reason")):
        return Outcome(row, is_empty=True)
    try:
        return Outcome(row, review=_review(row.texts, cell_of, now, reviewer))
    except _BadRowError as problem:
        return Outcome(row, problem=str(problem))


def _review(
    texts: Mapping[str, str | None],
    cell_of: Callable[[str, str], Cell | None],
    now: datetime,
    reviewer: str | None,
) -> Review:
    said = (texts["decision"] or "").lower().replace("_", " ")
    if said not in DECISIONS:
        raise _BadRowError(
            f"Decision is {texts['decision'] or 'empty'}: choose one of {', '.join(DECISIONS)}"
        )
    name = texts["reviewer"] or reviewer
    if not name or len(name) > _LONGEST_NAME:
        raise _BadRowError(f"Reviewer is empty or longer than {_LONGEST_NAME} characters")
    if len(texts["reason"] or "") > _LONGEST_REASON:
        raise _BadRowError(f"Your reason is longer than {_LONGEST_REASON} characters")
    job_id, attribute_id = texts["job_id"] or "", texts["attribute_id"] or ""
    cell = cell_of(job_id, attribute_id)
    if cell is None:
        raise _BadRowError(f"the warehouse has no cell {job_id!r} {attribute_id!r}")
    if texts["seal"] != seal(texts):
        raise _BadRowError(
            "what the export showed was changed in the file (ids, value, source or a hidden"
            " column): export anew and fill in the last columns only"
        )
    shown = (texts["shown_value"], texts["shown_source"])
    if shown != (cell.value, cell.source_type):
        raise _BadRowError(
            f"the cell has changed since the export: {_shown(*shown)} then,"
            f" {_shown(cell.value, cell.source_type)} now; export it anew"
        )
    drawn = texts["drawn"]
    return Review(
        job_id=job_id,
        attribute_id=attribute_id,
        decision=DECISIONS[said],  # type: ignore[arg-type]
        reviewer=name,
        decided_at=now,
        value=_value(DECISIONS[said], texts["value"], cell),
        reason=texts["reason"],
        export_id=texts["export_id"],
        shown_value=cell.value,
        shown_source=cell.source_type,
        shown_model=texts["shown_model"],
        shown_prompt_version=texts["shown_prompt_version"],
        drawn=drawn if drawn in get_args(Drawn) else None,  # type: ignore[arg-type]
        weight=None if texts["weight"] is None else float(texts["weight"]),
    )


def _value(decision: str, given: str | None, cell: Cell) -> str | None:
    if decision == "cannot_say":
        if given is not None:
            raise _BadRowError("New value is filled in, but Decision is cannot say")
        return None
    if decision == "accept":
        if cell.value is None:
            raise _BadRowError("there is no value to accept: give one with change")
        if given is not None and given != cell.value:
            raise _BadRowError(f"New value is {given}, but Decision is accept: choose change")
        return cell.value
    if given is None:
        raise _BadRowError("New value is empty, but Decision is change")
    attribute = cell.attribute
    if attribute.value_type == "rating":
        # A person may find a rating between two steps, as the sources do.
        attribute = replace(attribute, value_type="number")
    try:
        value = parse_value(attribute, given)
    except BadValueError as error:
        raise _BadRowError(f"New value: {error}") from None
    if value == cell.value:
        raise _BadRowError(f"New value is the value now, {value}: choose accept")
    return value


def _shown(value: str | None, source: str | None) -> str:
    return "no value" if value is None else f"{value} from {source}"


def _without_contradictions(outcomes: list[Outcome]) -> list[Outcome]:
    said: dict[tuple[str, str, str], list[Outcome]] = {}
    for one in outcomes:
        if one.review:
            key = (one.review.job_id, one.review.attribute_id, one.review.reviewer)
            said.setdefault(key, []).append(one)
    problems: dict[int, str] = {}
    for same in said.values():
        if len({(one.review.decision, one.review.value) for one in same if one.review}) > 1:
            rows = " and ".join(str(one.row.number) for one in same)
            message = f"rows {rows} say different things of one cell, by one reviewer: keep one"
            problems.update((one.row.number, message) for one in same)
        else:
            first = same[0].row.number
            message = f"it says the same as row {first}, which was taken"
            problems.update((one.row.number, message) for one in same[1:])
    return [
        replace(one, review=None, problem=problems[one.row.number])
        if one.row.number in problems
        else one
        for one in outcomes
    ]
