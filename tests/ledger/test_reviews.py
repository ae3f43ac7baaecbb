"""What people say of cells is kept like answers: only added, moved, and verified."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from jobforge.ledger import Ledger, LedgerError, Review, SecretFoundError, open_ledger

from ledger.builders import NOON, attempt

CHANGE = Review(
    job_id="J1",
    attribute_id="numeracy",
    decision="change",
    reviewer="A. Smith",
    decided_at=NOON,
    value="3",
    reason="As in the job's own description — señor",
    export_id="e1",
    shown_value="2",
    shown_source="LLM",
    drawn="risk",
    weight=1.0,
)
CANNOT_SAY = replace(
    CHANGE, attribute_id="teamwork", decision="cannot_say", value=None, drawn="random", weight=7.5
)
WITHDRAWAL = Review(
    job_id="J1",
    attribute_id="numeracy",
    decision="withdraw",
    reviewer="B. Jones",
    decided_at=NOON,
    withdraws=CHANGE.review_id,
)


def test_what_was_said_is_found_in_its_order(ledger: Ledger) -> None:
    """Reviews come back as they were given, withdrawals too."""
    assert ledger.add_reviews([CHANGE, CANNOT_SAY]) == 2
    assert ledger.add_reviews([WITHDRAWAL]) == 1
    assert ledger.reviews() == [CHANGE, CANNOT_SAY, WITHDRAWAL]
    assert list(ledger.verify()) == []


def test_saying_it_again_adds_nothing(ledger: Ledger) -> None:
    """The same row of the same export is the same review, whenever it is imported."""
    later = replace(CHANGE, decided_at=NOON.replace(hour=18))
    assert ledger.add_reviews([CHANGE, later]) == 1
    assert ledger.add_reviews([later, replace(CHANGE, value="4")]) == 1
    assert [one.value for one in ledger.reviews()] == ["3", "4"]


@pytest.mark.parametrize("column", ["reason", "reviewer", "value"])
def test_a_key_is_not_kept(ledger: Ledger, column: str) -> None:
    """A reason with a key in it is refused as a whole, before anything is written."""
    key = "sk-abcdefghijklmnop1234567890"
    with pytest.raises(SecretFoundError, match=f"the {column} of a review"):
        ledger.add_reviews([CANNOT_SAY, replace(CHANGE, **{column: f"see {key}"})])
    assert ledger.reviews() == []


def test_a_changed_review_is_found(tmp_path: Path) -> None:
    """A value that was written over in the file does not verify."""
    path = tmp_path / "ledger.sqlite"
    with open_ledger(str(path)) as ledger:
        ledger.add_reviews([CHANGE, CANNOT_SAY])
    with sqlite3.connect(path) as connection:
        connection.execute("update review set value = '5' where attribute_id = 'numeracy'")
    with open_ledger(str(path), read_only=True) as ledger:
        assert [fault.key for fault in ledger.verify()] == [CHANGE.review_id]


def test_reviews_move_with_the_answers(
    ledger: Ledger, new_url: Callable[[], str], tmp_path: Path
) -> None:
    """An export brings them to another ledger, once."""
    ledger.record([attempt()])
    ledger.add_reviews([CHANGE, CANNOT_SAY, WITHDRAWAL])
    path = tmp_path / "moved.parquet"
    ledger.export(path)
    with open_ledger(new_url()) as other:
        assert other.import_(path).new_reviews == 3
        assert other.import_(path).new_reviews == 0
        assert other.reviews() == ledger.reviews()
        assert list(other.verify()) == []


def test_a_forged_review_stays_out(
    ledger: Ledger, new_url: Callable[[], str], tmp_path: Path
) -> None:
    """What was changed in an exported file is named and not taken; the rest is."""
    ledger.add_reviews([CHANGE, CANNOT_SAY])
    path = tmp_path / "moved.parquet"
    ledger.export(path)
    table = pq.read_table(path)
    said = dict(pq.read_metadata(path).metadata)
    name = b"jobforge.ledger.reviews"
    rows = json.loads(said[name])
    rows[0]["value"] = "5"
    said[name] = json.dumps(rows).encode()
    kept = {key: text for key, text in said.items() if key.startswith(b"jobforge")}
    pq.write_table(table.replace_schema_metadata(kept), path)
    with open_ledger(new_url()) as other:
        report = other.import_(path)
        assert [fault.key for fault in report.faults] == [CHANGE.review_id]
        assert other.reviews() == [CANNOT_SAY]


@pytest.mark.parametrize("footer", [b"[", b"{}", b"[1]"])
def test_a_footer_that_is_none_is_refused(
    ledger: Ledger, new_url: Callable[[], str], tmp_path: Path, footer: bytes
) -> None:
    """A file whose reviews were spoilt is named, with what to do."""
    ledger.add_reviews([CHANGE])
    path = tmp_path / "moved.parquet"
    ledger.export(path)
    said = dict(pq.read_metadata(path).metadata)
    kept = {key: text for key, text in said.items() if key.startswith(b"jobforge")}
    kept[b"jobforge.ledger.reviews"] = footer
    pq.write_table(pq.read_table(path).replace_schema_metadata(kept), path)
    with (
        open_ledger(new_url()) as other,
        pytest.raises(LedgerError, match="reviews in its footer that cannot be read"),
    ):
        other.import_(path)
