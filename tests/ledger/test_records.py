"""What is recorded comes back whole, once, and is never changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jobforge.ledger import CellAnswer, Ledger, LedgerError, open_ledger

from ledger.builders import NOON, asked, attempt, cell_keys, failed


def test_an_answer_comes_back_whole(ledger: Ledger) -> None:
    """Whatever was recorded of an answer is what a lookup gives."""
    record = attempt()
    ledger.record([record])
    cell = record.request.cells[0]
    answer = ledger.lookup([cell.cell_key])[cell.cell_key]
    assert (answer.cell_key, answer.question_key) == (cell.cell_key, cell.question_key)
    assert (answer.evidence_hash, answer.attribute_id) == (cell.evidence_hash, "numeracy")
    assert (answer.outcome, answer.value, answer.confidence) == ("answered", "3", 0.75)
    assert answer.rationale == "as comparable jobs"
    source = answer.source
    assert (source.attempt_id, source.run_id, source.job_id) == (record.attempt_id, "run-1", "J1")
    assert (source.model_requested, source.model_used) == ("model-a", "model-a")
    assert (source.prompt_version, source.schema_version) == ("1-abc", "1")
    assert source.request_id == record.request_id
    assert source.answered_at == NOON + timedelta(seconds=1)


def test_a_record_survives_closing(url: str) -> None:
    """What was recorded is there when the ledger is opened again."""
    with open_ledger(url) as ledger:
        ledger.record([attempt()])
    with open_ledger(url) as ledger:
        assert len(ledger.lookup(cell_keys(asked()))) == 2


def test_recording_again_changes_nothing(ledger: Ledger) -> None:
    """An attempt that is there already is ignored, with all that it brings."""
    ledger.record([attempt(attempt_id="one")])
    ledger.record([attempt(attempt_id="one"), attempt(asked(2), "two")])
    ledger.record([attempt(attempt_id="one", value="5")])
    stats = ledger.stats()
    assert (stats.attempts, stats.answered) == (2, 4)
    assert {answer.value for answer in ledger.lookup(cell_keys(asked())).values()} == {"3"}


def test_an_attempt_gets_no_answers_afterwards(ledger: Ledger) -> None:
    """Answers under the id of an attempt that is there already are not added to it."""
    ledger.record([failed(attempt_id="one")])
    ledger.record([attempt(attempt_id="one")])
    assert (ledger.stats().attempts, ledger.stats().answered) == (1, 0)


def test_the_same_attempt_twice_in_one_call_is_recorded_once(ledger: Ledger) -> None:
    """A repeated attempt within one transaction is one attempt."""
    ledger.record([attempt(), attempt()])
    assert ledger.stats().attempts == 1


def test_a_failed_attempt_counts_and_settles_nothing(ledger: Ledger) -> None:
    """Tokens and money of an attempt without answers are kept; its cells stay open."""
    ledger.record([failed()])
    stats = ledger.stats()
    assert (stats.attempts, stats.answered, stats.prompt_tokens) == (1, 0, 120)
    assert stats.cost_usd == pytest.approx(0.0007)
    assert ledger.lookup(cell_keys(asked())) == {}


def test_one_bad_attempt_leaves_nothing_of_its_group(ledger: Ledger) -> None:
    """A group is recorded whole or not at all."""
    request = asked(2)
    wrong = replace(request.cells[0], cell_key="0" * 64)
    bad = attempt(replace(request, cells=(wrong, *request.cells[1:])))
    with pytest.raises(ValueError, match="the key of 'numeracy' is not the one"):
        ledger.record([attempt(), bad])
    assert ledger.stats().attempts == 0


def test_a_text_is_stored_once(ledger: Ledger, tmp_path: Path) -> None:
    """A system message that every request shares takes room once."""
    long = "A definition. " * 50_000
    ledger.record([attempt(asked(job, system_text=long)) for job in range(1, 30)])
    assert ledger.stats().bytes < 3 * len(long)


def test_texts_that_no_database_takes_are_kept_readable(ledger: Ledger) -> None:
    """NUL and half surrogates in a reply lose no answer."""
    ledger.record([attempt(raw_reply="a\x00b\ud800c", attempt_id="odd")])
    (why, *_) = ledger.why("J1", "numeracy")
    assert why.raw_reply == "a\ufffdb?c"
    assert list(ledger.verify()) == []


def test_why_gives_both_sides_of_the_conversation(ledger: Ledger) -> None:
    """`why` gives a cell's answers, the latest first, with prompt and raw reply."""
    ledger.record([attempt(minute=1), attempt(minute=2, value="4"), attempt(asked(2))])
    latest, first = ledger.why("J1", "teamwork")
    assert (latest.answer.value, first.answer.value) == ("4", "3")
    assert latest.system_text == "You are a workforce analyst."
    assert latest.user_text == "The job J1, with evidence first"
    assert (latest.schema_text, latest.parameters) == ('{"type":"object"}', '{"temperature":0}')
    assert latest.raw_reply == '{"numeracy": 3}'
    assert (latest.prompt_tokens, latest.cached_tokens, latest.completion_tokens) == (120, 64, 50)
    assert (latest.mode, latest.status, latest.latency_ms) == ("live", "answered", 900)
    assert latest.sent_at == NOON + timedelta(minutes=2)
    assert ledger.why("J1", "unheard_of") == []


@pytest.mark.parametrize(
    ("outcome", "value", "confidence", "rationale"),
    [
        ("refused", "3", None, None),
        ("answered", None, 0.5, "why"),
        ("answered", "3", None, "why"),
        ("answered", "3", 0.5, None),
        ("answered", "3", 1.5, "why"),
    ],
)
def test_half_an_answer_is_none(
    outcome: str, value: str | None, confidence: float | None, rationale: str | None
) -> None:
    """An answer has a value, a confidence from 0 to 1 and a rationale; a refusal has none."""
    with pytest.raises(ValueError, match="the answer for 'numeracy'"):
        CellAnswer("numeracy", outcome, value, confidence, rationale)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"received_at": None},
        {"model_returned": None},
        {"sent_at": NOON.replace(tzinfo=None)},
        {"status": ""},
        {"answers": (CellAnswer("not_asked", "refused"),)},
        {"answers": (CellAnswer("numeracy", "refused"), CellAnswer("numeracy", "refused"))},
    ],
)
def test_an_attempt_without_its_evidence_is_refused(changes: dict[str, Any]) -> None:
    """An attempt without time, model or status, or with answers to other questions, is none."""
    with pytest.raises(ValueError, match="attempt 'J1-model-a-0'"):
        replace(attempt(), **changes)


def test_a_ledger_opened_for_reading_takes_nothing(url: str) -> None:
    """A read-only ledger answers and refuses to be written."""
    with open_ledger(url) as ledger:
        ledger.record([attempt()])
    with open_ledger(url, read_only=True) as ledger:
        assert len(ledger.lookup(cell_keys(asked()))) == 2
        with pytest.raises(LedgerError, match="opened for reading only"):
            ledger.record([attempt(asked(2))])
