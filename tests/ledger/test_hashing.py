"""Keys change with whatever can change an answer, and with nothing else."""

from __future__ import annotations

import pytest
from jobforge.ledger.hashes import (
    canonical_parameters,
    cell_key,
    digest,
    evidence_hash,
    known_digest,
    question_key,
    request_key,
)

INGREDIENTS = {
    "prompt_version": "1-abc",
    "instructions_hash": "i",
    "schema_version": "1",
    "attribute_digest": "a",
    "job_digest": "j",
}


@pytest.mark.parametrize("name", INGREDIENTS)
def test_any_changed_ingredient_is_another_question(name: str) -> None:
    """One byte more in any ingredient gives another question key."""
    changed = {**INGREDIENTS, name: INGREDIENTS[name] + "x"}
    assert question_key(**changed) != question_key(**INGREDIENTS)


def test_model_and_parameters_are_in_the_cell_key_only() -> None:
    """The same question to another model, or with other parameters, is another cell key."""
    question = question_key(**INGREDIENTS)
    keys = {
        cell_key(question, "model-a", "{}"),
        cell_key(question, "model-b", "{}"),
        cell_key(question, "model-a", '{"temperature":0}'),
    }
    assert len(keys) == 3


def test_parts_do_not_run_together() -> None:
    """Text that moves from one part to the next gives another hash."""
    assert digest("t", "ab", "c") != digest("t", "a", "bc")
    assert digest("t", "1") != digest("t", 1)
    assert digest("t", None) != digest("t", "n")
    assert digest("t", 1.0) != digest("t", 1)
    assert digest("t", "a") != digest("u", "a")


def test_parameters_are_the_same_in_any_order() -> None:
    """The order in which parameters are given does not ask anything again."""
    assert canonical_parameters({"a": 1, "b": 2}) == canonical_parameters({"b": 2, "a": 1})


def test_evidence_is_the_same_in_any_order() -> None:
    """Evidence that is only ordered otherwise is the same evidence."""
    known = known_digest([("a", "1"), ("b", "2")])
    assert known == known_digest([("b", "2"), ("a", "1")])
    one, two = ("Clerk", "same unit group", "3"), ("Cook", "same family", "2")
    assert evidence_hash(known, [one, two]) == evidence_hash(known, [two, one])


def test_evidence_changes_with_known_and_with_comparable_values() -> None:
    """A known attribute or a comparable value more is other evidence."""
    bare = evidence_hash(known_digest([]), [])
    known = evidence_hash(known_digest([("a", "1")]), [])
    comparable = evidence_hash(known_digest([]), [("Clerk", "same unit group", "3")])
    assert len({bare, known, comparable}) == 3


def test_the_hashes_are_the_same_for_ever() -> None:
    """A ledger written today is found by tomorrow's code: the hashes are these, to the byte."""
    question = question_key(**INGREDIENTS)
    assert question == "20955855184f1a57159c33a2b28b0c803de6e7b000fa93205759969a2efc94d6"
    assert (
        cell_key(question, "model-a", "{}")
        == "7b03fd1e32ddd1b6c207cb45429639268760d8011cec324df5f11f2752de3a19"
    )
    evidence = evidence_hash(known_digest([("a", "1")]), [("Clerk", "same", "3")])
    assert evidence == "659476ab935ae9d16a92b26512f920501f5d298668e70d011c987e3a282b72fc"
    assert (
        request_key("model-a", "{}", "s", "u", "f")
        == "931e1d933acfe3b7be13b70bf7dc49280b80ef3210776912621be5727b2e3a20"
    )
