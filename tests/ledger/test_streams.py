"""The ledger leaves as Arrow, a page at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from jobforge.ledger import Ledger, open_ledger, streams

from ledger.builders import NOON, asked, attempt, failed


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a page three rows."""
    monkeypatch.setattr(streams, "_ROWS_PER_PAGE", 3)


def test_answers_stream_with_their_source(ledger: Ledger) -> None:
    """Every answer and refusal is one row with value, model, run and time."""
    ledger.record([attempt(), attempt(asked(2), value=None)])
    reader = ledger.answers()
    assert reader.schema == streams.ANSWER_SCHEMA
    rows = reader.read_all().to_pylist()
    assert [row["outcome"] for row in rows] == ["answered", "answered", "refused", "refused"]
    assert (rows[0]["job_id"], rows[0]["attribute_id"]) == ("J1", "numeracy")
    assert (rows[0]["value"], rows[0]["confidence"]) == ("3", 0.75)
    assert (rows[0]["model_requested"], rows[0]["model_used"]) == ("model-a", "model-a")
    assert rows[0]["answered_at"] == NOON + timedelta(seconds=1)
    assert (rows[2]["value"], rows[2]["reason"]) == (None, "the model declined")


def test_attempts_stream_with_their_cost(ledger: Ledger) -> None:
    """Every attempt is one row with tokens, cost and time, failed ones too."""
    ledger.record([attempt(), failed(asked(2), "f"), attempt(asked(3), run_id="run-2")])
    rows = ledger.attempts().read_all().to_pylist()
    assert [row["status"] for row in rows] == ["answered", "failed", "answered"]
    assert rows[0]["cost_usd"] == pytest.approx(0.0007)
    assert (rows[0]["prompt_tokens"], rows[0]["estimated_prompt_tokens"]) == (120, 100)
    assert (rows[0]["domain"], rows[0]["price_as_of"]) == ("skills", "2026-03-01")
    assert (rows[1]["reason"], rows[1]["http_status"]) == ("HTTP 500", 500)
    assert [row["job_id"] for row in ledger.attempts("run-2").read_all().to_pylist()] == ["J3"]


def test_an_empty_ledger_streams_no_rows(ledger: Ledger) -> None:
    """Nothing comes with the right columns."""
    assert ledger.answers().read_all().num_rows == 0
    assert ledger.attempts("run-1").read_all().num_rows == 0


def test_a_stream_is_one_state_and_blocks_nobody(ledger: Ledger) -> None:
    """While a stream is half read answers are recorded, and the stream does not show them."""
    ledger.record([attempt(asked(job)) for job in range(1, 6)])
    reader = ledger.answers()
    first = reader.read_next_batch()
    ledger.record([attempt(asked(job)) for job in range(6, 9)])
    assert first.num_rows + reader.read_all().num_rows == 10
    assert ledger.answers().read_all().num_rows == 16


def test_duckdb_reads_the_stream_from_its_own_threads(url: str, tmp_path: Path) -> None:
    """DuckDB makes a table of the answers while the ledger is open for writing."""
    with open_ledger(url) as ledger:
        ledger.record([attempt(asked(job)) for job in range(1, 31)])
        reader = ledger.answers()
        warehouse = duckdb.connect(str(tmp_path / "warehouse.duckdb"))
        warehouse.register("reader", reader)
        warehouse.execute("create table answers as select * from reader")
        counts = "select count(*), count(distinct cell_key) from answers"
        assert warehouse.execute(counts).fetchone() == (60, 60)
        warehouse.close()


def test_replies_with_a_text_come_with_their_answers(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page at a time, letter by letter; a reply that answered nothing is left out."""
    monkeypatch.setattr(streams, "_REPLIES_PER_PAGE", 1)
    listed = [replace(attempt(asked(job)), raw_reply=f"with a_word {job}") for job in (1, 2)]
    refused = replace(attempt(asked(3), value=None), raw_reply="a_word")
    other = replace(attempt(asked(4)), raw_reply="axword")
    ledger.record([*listed, refused, other, attempt(asked(5))])
    replies = list(ledger.answered_replies("a_word"))
    assert [reply.raw_reply for reply in replies] == ["with a_word 1", "with a_word 2"]
    assert [reply.job_id for reply in replies] == ["J1", "J2"]
    for reply, one in zip(replies, listed, strict=True):
        digests = {cell.attribute_id: cell.attribute_digest for cell in one.request.cells}
        assert reply.values == {digests[a.attribute_id]: a.value for a in one.answers}
        assert (reply.model_used, reply.answered_at) == (one.model_returned, one.received_at)
