"""Which answer counts."""

from __future__ import annotations

from jobforge.ledger import Ledger

from ledger.builders import asked, attempt, cell_keys, evidence_of


def values(ledger: Ledger, evidence: dict[str, str] | None = None) -> set[str | None]:
    """Return the values that count for the first job's cells."""
    return {one.value for one in ledger.lookup(cell_keys(asked()), evidence).values()}


def test_the_latest_answer_counts(ledger: Ledger) -> None:
    """Of several answers the one that was received last counts, whatever order they came in."""
    ledger.record([attempt(minute=2, value="4"), attempt(minute=1, value="2")])
    assert values(ledger) == {"4"}


def test_an_answer_goes_before_a_later_refusal(ledger: Ledger) -> None:
    """A refusal takes no answer away."""
    ledger.record([attempt(minute=1), attempt(minute=2, value=None)])
    assert values(ledger) == {"3"}


def test_a_refusal_is_found_with_its_reason(ledger: Ledger) -> None:
    """A cell that was only refused is settled, and says why."""
    ledger.record([attempt(value=None)])
    found = ledger.lookup(cell_keys(asked()))
    assert {(one.outcome, one.value) for one in found.values()} == {("refused", None)}
    assert {one.source.reason for one in found.values()} == {"the model declined"}


def test_an_answer_with_other_evidence_is_kept_and_marked_stale(ledger: Ledger) -> None:
    """Changed evidence keeps the answer and marks it."""
    ledger.record([attempt()])
    now = evidence_of(asked(evidence="second"))
    found = ledger.lookup(cell_keys(asked()), now)
    assert {(one.value, one.stale) for one in found.values()} == {("3", True)}
    same = ledger.lookup(cell_keys(asked()), evidence_of(asked()))
    assert {one.stale for one in same.values()} == {False}


def test_evidence_that_comes_back_finds_its_own_answer(ledger: Ledger) -> None:
    """An answer that was given with the present evidence counts, though a later one exists."""
    second = asked(evidence="second")
    ledger.record([attempt(minute=1), attempt(second, minute=2, value="5", attempt_id="b")])
    assert values(ledger) == {"5"}
    assert values(ledger, evidence_of(asked())) == {"3"}
    assert values(ledger, evidence_of(second)) == {"5"}


def test_a_refusal_with_the_present_evidence_leaves_the_answer_stale(ledger: Ledger) -> None:
    """A stale cell that was asked again and refused keeps its answer, and says when."""
    second = asked(evidence="second")
    refused = attempt(second, "again", minute=2, value=None)
    ledger.record([attempt(minute=1), refused])
    found = ledger.lookup(cell_keys(asked()), evidence_of(second))
    assert {(one.value, one.stale, one.declined_at) for one in found.values()} == {
        ("3", True, refused.received_at)
    }


def test_another_model_is_another_cell_and_the_same_question(ledger: Ledger) -> None:
    """A model change asks again; a replay by question takes any model's latest answer."""
    one, other = asked(model="model-a"), asked(model="model-b")
    ledger.record([attempt(one, minute=1), attempt(other, minute=2, value="4")])
    assert ledger.lookup(cell_keys(asked(model="model-c"))) == {}
    questions = [cell.question_key for cell in one.cells]
    found = ledger.lookup_questions(questions)
    assert set(found) == set(questions)
    assert {answer.source.model_used for answer in found.values()} == {"model-b"}


def test_unknown_and_repeated_keys_are_fine(ledger: Ledger) -> None:
    """A lookup of nothing, of unknown keys, and of a key twice gives what there is."""
    ledger.record([attempt()])
    keys = cell_keys(asked())
    assert ledger.lookup([]) == {}
    assert set(ledger.lookup([*keys, *keys, "f" * 64])) == set(keys)


def test_a_lookup_of_many_keys_finds_all(ledger: Ledger) -> None:
    """More keys than a statement takes are found, each its own answer."""
    requests = [asked(job) for job in range(1, 1501)]
    ledger.record([attempt(one, value=str(number)) for number, one in enumerate(requests)])
    found = ledger.lookup(cell_keys(*requests))
    assert len(found) == 3000
    last = cell_keys(requests[-1])[0]
    assert (found[last].value, found[last].source.job_id) == ("1499", "J1500")
