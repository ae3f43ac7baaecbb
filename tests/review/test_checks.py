"""A row of a filled file is taken whole, or left out with the reason, and keeps no other out."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from jobforge.requests.inputs import Attribute
from jobforge.review.checks import Outcome, check_rows
from jobforge.review.sheet import COLUMNS, Cell, FilledRow, seal

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RATING = Attribute("numeracy", "Numeracy", "skills", "Counts.", "rating", Decimal(0), Decimal(5))
PLACE = Attribute("place", "Place", "own", "Where.", "category", allowed_values=("site", "remote"))
SHIFTS = Attribute("shifts", "Shifts", "own", "At night.", "boolean")
CELLS = {
    ("J1", "numeracy"): Cell(RATING, "2", "LLM"),
    ("J2", "numeracy"): Cell(RATING, "3.25", "ONET"),
    ("J1", "place"): Cell(PLACE, "site", "LLM"),
    ("J1", "shifts"): Cell(SHIFTS, None, None),
}


def row(number: int, job: str = "J1", attribute: str = "numeracy", **said: str) -> FilledRow:
    """Return a row as exported from CELLS, with what a person says."""
    cell = CELLS.get((job, attribute), CELLS["J1", "numeracy"])
    texts: dict[str, str | None] = dict.fromkeys(COLUMNS)
    texts |= {"job_id": job, "attribute_id": attribute, "export_id": "e1", "drawn": "random"}
    texts |= {"shown_value": cell.value, "shown_source": cell.source_type, "weight": "12.5"}
    texts["seal"] = seal(texts)
    return FilledRow(number, texts | {"reviewer": "A. Smith"} | said)


def check(*rows: FilledRow) -> list[Outcome]:
    """Return what becomes of the rows."""
    return check_rows(rows, lambda job, attribute: CELLS.get((job, attribute)), NOW)


def test_a_decision_is_taken_with_what_was_shown() -> None:
    """A review says what was seen, how it was drawn, and for how many cells it stands."""
    changed, accepted, unsure, decimal = (
        one.review
        for one in check(
            row(2, decision="Change", value="4.0", reason="We know"),
            row(3, "J2", decision="accept"),
            row(4, attribute="place", decision="cannot say"),
            row(5, attribute="shifts", decision="change", value="TRUE"),
        )
    )
    assert changed is not None
    assert (changed.value, changed.shown_value, changed.shown_source) == ("4", "2", "LLM")
    assert (changed.drawn, changed.weight, changed.reason) == ("random", 12.5, "We know")
    assert changed.decided_at == NOW
    assert accepted is not None
    assert (accepted.decision, accepted.value) == ("accept", "3.25")
    assert unsure is not None
    assert (unsure.decision, unsure.value) == ("cannot_say", None)
    assert decimal is not None
    assert decimal.value == "true"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (row(2, decision="yes"), "Decision is yes: choose one of"),
        (row(2, value="4"), "Decision is empty"),
        (row(2, decision="accept", reviewer=""), "Reviewer is empty"),
        (row(2, decision="accept", reviewer="x" * 101), "longer than 100"),
        (row(2, decision="accept", reason="x" * 2001), "longer than 2000"),
        (row(2, "J9", decision="accept"), "the warehouse has no cell 'J9' 'numeracy'"),
        (row(2, decision="change"), "New value is empty"),
        (row(2, decision="change", value="9"), r"off its scale \(from 0 to 5\)"),
        (row(2, decision="change", value="high"), "is not a number"),
        (row(2, decision="change", value="2.0"), "New value is the value now, 2"),
        (row(2, decision="accept", value="3"), "choose change"),
        (row(2, decision="cannot say", value="3"), "New value is filled in"),
        (row(2, attribute="place", decision="change", value="home"), "one of the allowed values"),
        (row(2, attribute="shifts", decision="accept"), "no value to accept"),
        (row(2, decision="accept", shown_value="4"), "what the export showed was changed"),
        (row(2, decision="accept", weight="1"), "what the export showed was changed"),
        (row(2, attribute="place", decision="accept", job_id="J2"), "the warehouse has no cell"),
    ],
)
def test_a_row_that_does_not_hold_says_why(given: FilledRow, problem: str) -> None:
    """Each kind of slip has its sentence, and the sound row beside it is taken."""
    bad, good = check(given, row(3, "J2", decision="accept"))
    assert bad.review is None
    assert bad.problem is not None
    import re

    assert re.search(problem, bad.problem)
    assert good.review is not None


def test_a_cell_that_has_changed_since_is_not_taken() -> None:
    """What was decided was about another value."""
    exported = row(2, decision="accept")
    now = {**CELLS, ("J1", "numeracy"): Cell(RATING, "3", "ONET")}
    (outcome,) = check_rows([exported], lambda job, attribute: now.get((job, attribute)), NOW)
    assert outcome.problem == (
        "the cell has changed since the export: 2 from LLM then, 3 from ONET now; export it anew"
    )


def test_one_reviewer_does_not_say_two_things_of_a_cell() -> None:
    """Neither is taken, both are named; two reviewers may well disagree."""
    first, second, other = check(
        row(2, decision="change", value="4"),
        row(5, decision="change", value="5"),
        row(6, decision="change", value="5", reviewer="B. Jones"),
    )
    assert first.problem == second.problem
    assert "rows 2 and 5 say different things" in str(first.problem)
    assert other.review is not None
    once, twice = check(row(2, decision="accept"), row(3, decision="accept"))
    assert once.review is not None
    assert "the same as row 2" in str(twice.problem)


def test_a_row_nobody_filled_in_is_no_decision() -> None:
    """A name alone, as people copy it down a column, decides nothing."""
    (outcome,) = check(row(2))
    assert outcome.is_empty
    assert outcome.review is outcome.problem is None


def test_the_command_may_say_who_it_was() -> None:
    """Where the rows do not name the reviewer the import does."""
    given = row(2, decision="accept", reviewer="")
    (outcome,) = check_rows([given], lambda job, attribute: CELLS[job, attribute], NOW, "C. Lee")
    assert outcome.review is not None
    assert outcome.review.reviewer == "C. Lee"
