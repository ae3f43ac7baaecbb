"""Old prompts and replies go for good; what they came to stays, and is still verified."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from jobforge.ledger import Ledger, open_ledger, texts
from sqlalchemy import Connection, create_engine, make_url
from support.waiting import until

from ledger.builders import LATER, MINUTE, NOON, asked, attempt, cell_keys, item

SECRETIVE = "The job of one Señora Martínez"
OLD = attempt(asked(1, user_text=SECRETIVE), raw_reply='{"said": "of Martínez"}')
YOUNG = replace(attempt(asked(2), "young"), sent_at=LATER, received_at=LATER + timedelta(seconds=1))


def test_old_texts_go_and_answers_stay(ledger: Ledger) -> None:
    """The message and the reply are gone; value, rationale, tokens and price are there."""
    ledger.record([OLD, YOUNG])
    before = ledger.lookup(cell_keys(OLD.request))
    (said, *_) = ledger.why("J1", "numeracy")
    assert ledger.drop_texts(NOON + MINUTE) == 1
    assert ledger.drop_texts(NOON + MINUTE) == 0
    (left, *_) = ledger.why("J1", "numeracy")
    assert (left.user_text, left.raw_reply) == ("", None)
    assert left.texts_dropped_at is not None
    assert left == replace(
        said, user_text="", raw_reply=None, texts_dropped_at=left.texts_dropped_at
    )
    assert ledger.lookup(cell_keys(OLD.request)) == before
    (young, *_) = ledger.why("J2", "numeracy")
    assert young.user_text
    assert young.raw_reply
    assert young.texts_dropped_at is None
    assert list(ledger.verify()) == []


def test_nothing_of_them_is_left_in_the_file(tmp_path: Path) -> None:
    """What was written over does not stay behind in free pages or in the log."""
    path = tmp_path / "ledger.sqlite"
    with open_ledger(str(path)) as ledger:
        ledger.record([OLD, YOUNG])
        ledger.drop_texts(NOON + MINUTE)
    left = b"".join(one.read_bytes() for one in tmp_path.iterdir())
    assert b"young" in left
    assert "Martínez".encode() not in left


def test_a_text_that_is_still_needed_stays(ledger: Ledger) -> None:
    """A younger attempt or an open batch with the same message keeps it."""
    again = replace(YOUNG, request=OLD.request, attempt_id="again")
    ledger.record([OLD, again])
    waiting = item(3)
    ledger.record([attempt(waiting.request, "first", value=None)])
    ledger.claim(cell_keys(waiting.request), "run-2", MINUTE, refused_before=LATER)
    ledger.begin_batch("b1", "run-2", [waiting])
    assert ledger.drop_texts(NOON + timedelta(hours=1)) == 2
    assert {one.user_text for one in ledger.why("J1", "numeracy")} == {SECRETIVE}
    assert [one.request.user_text for one in ledger.batch_items("b1")] == [
        waiting.request.user_text
    ]
    assert list(ledger.verify()) == []


def test_asking_again_brings_the_text_back(ledger: Ledger) -> None:
    """The same request sent once more has its message again."""
    ledger.record([OLD])
    ledger.drop_texts(NOON + MINUTE)
    ledger.record([replace(YOUNG, request=OLD.request, attempt_id="again")])
    assert ledger.why("J1", "numeracy")[0].user_text == SECRETIVE
    assert list(ledger.verify()) == []


def test_a_change_of_what_is_left_is_found(tmp_path: Path) -> None:
    """Neither a fact nor a text can be changed, or dropped by hand, unnoticed."""
    path = tmp_path / "ledger.sqlite"
    for statement, found in (
        ("update attempt set cost_usd = 0 where attempt_id <> 'young'", {"attempt"}),
        ("update attempt set raw_reply = '{}' where attempt_id <> 'young'", {"attempt"}),
        ("update attempt set raw_reply = null where attempt_id = 'young'", {"attempt"}),
        (
            "update text set content = '' where sha256 ="
            " (select user_text from attempt where attempt_id = 'young')",
            {"text"},
        ),
        ("update answer set value = '1' where answer_no = 1", {"answer"}),
    ):
        path.unlink(missing_ok=True)
        with open_ledger(str(path)) as ledger:
            ledger.record([OLD, YOUNG])
            ledger.drop_texts(NOON + MINUTE)
        with sqlite3.connect(path) as connection:
            connection.execute(statement)
        with open_ledger(str(path), read_only=True) as ledger:
            assert {fault.table for fault in ledger.verify()} == found, statement


def test_what_is_left_moves(ledger: Ledger, new_url: Callable[[], str], tmp_path: Path) -> None:
    """An export carries the hashes, and another ledger verifies them."""
    again = replace(YOUNG, request=OLD.request, attempt_id="again")
    ledger.record([OLD])
    ledger.drop_texts(NOON + MINUTE)
    ledger.export(tmp_path / "dropped.parquet")
    ledger.record([again])
    ledger.export(tmp_path / "both.parquet")
    for name, text in (("dropped", ""), ("both", SECRETIVE)):
        with open_ledger(new_url()) as other:
            report = other.import_(tmp_path / f"{name}.parquet")
            assert report.faults == ()
            assert other.why("J1", "numeracy")[0].user_text == text
            assert list(other.verify()) == []


def test_a_text_that_comes_into_use_meanwhile_stays(
    new_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking whether a text is there and adding what has it nobody drops it."""
    with open_ledger(new_postgres_url) as ledger, open_ledger(new_postgres_url) as other:
        ledger.record([attempt(asked(1), value=None), YOUNG])
        waiting = item(1)
        ledger.claim(cell_keys(waiting.request), "run-2", MINUTE, refused_before=LATER)
        dropping = threading.Thread(target=other.drop_texts, args=(NOON + MINUTE,))
        engine = create_engine(make_url(new_postgres_url).set(drivername="postgresql+psycopg"))

        def is_held() -> bool:
            with engine.connect() as connection:
                held = "select count(*) from pg_locks where not granted"
                return bool(connection.exec_driver_sql(held).scalar())

        find = texts.find_known

        def find_and_let_drop(connection: Connection, hashes: Iterable[str]) -> set[str]:
            found = find(connection, hashes)
            dropping.start()
            until(lambda: is_held() or not dropping.is_alive())
            return found

        monkeypatch.setattr(texts, "find_known", find_and_let_drop)
        ledger.begin_batch("b1", "run-2", [waiting])
        dropping.join()
        engine.dispose()
        assert [one.request.user_text for one in ledger.batch_items("b1")] == [
            waiting.request.user_text
        ]
