"""Nothing in a ledger can be changed without `verify` seeing it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from jobforge.ledger import Fault, Ledger, LedgerCorruptError, open_ledger
from jobforge.ledger.dialects import POSTGRES_SCHEMA
from jobforge.ledger.location import Location
from sqlalchemy import create_engine

from ledger.builders import asked, attempt, cell_keys, failed


def test_a_ledger_as_written_holds(ledger: Ledger) -> None:
    """Answers, refusals and failures verify."""
    ledger.record([attempt(), attempt(asked(2), value=None), failed(asked(3))])
    ledger.record([attempt(asked(4), cost_usd=None, latency_ms=None, cached_tokens=None)])
    assert list(ledger.verify()) == []


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger's file with two attempts, closed."""
    path = tmp_path / "ledger.sqlite"
    with open_ledger(str(path)) as ledger:
        ledger.record([attempt(), attempt(asked(2))])
    return path


def tampered(path: Path, statement: str) -> list[Fault]:
    """Change the file and return what verify says."""
    connection = sqlite3.connect(path)
    assert connection.execute(statement).rowcount == 1
    connection.commit()
    connection.close()
    with open_ledger(str(path), read_only=True) as ledger:
        return list(ledger.verify())


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("update answer set value = '5' where answer_no = 1", "the row was changed"),
        ("update answer set confidence = 0.8 where answer_no = 1", "the row was changed"),
        ("update answer set rationale = 'x' where answer_no = 1", "the row was changed"),
        ("update answer set evidence_hash = 'x' where answer_no = 1", "the row was changed"),
        ("update answer set cell_key = 'x' where answer_no = 1", "the cell key is not"),
        ("update answer set question_key = 'x' where answer_no = 1", "the question key is not"),
        (
            "update answer set attempt_no = 2, attribute_id = 'x' where answer_no = 1",
            "the question key is not",
        ),
        ("update attempt set cost_usd = 0 where attempt_no = 1", "the row was changed"),
        ("update attempt set reason = 'x' where attempt_no = 1", "the row was changed"),
        ("update attempt set raw_reply = 'x' where attempt_no = 1", "the row was changed"),
        ("update attempt set model_requested = 'x' where attempt_no = 1", "the request key is not"),
        ("update attempt set job_digest = 'x' where attempt_no = 1", "the question key is not"),
        ("update text set content = 'x' where content like 'You are%'", "was changed"),
        ("delete from text where content like 'You are%'", "is missing"),
        ("delete from attempt where attempt_no = 1", "its attempt is missing"),
    ],
)
def test_a_change_is_found(path: Path, statement: str, message: str) -> None:
    """A changed byte in any column that counts is a fault that says where."""
    faults = tampered(path, statement)
    assert any(message in fault.message for fault in faults), faults


def test_a_missing_answer_is_found(path: Path) -> None:
    """An answer that was taken away is missed by its attempt."""
    (fault,) = tampered(path, "delete from answer where answer_no = 1")
    assert fault.message == "it has 1 of its 2 answers"


def test_an_untouched_attempt_is_not_blamed(path: Path) -> None:
    """A fault names the row that was changed, and no other."""
    faults = tampered(path, "update answer set value = '5' where answer_no = 3")
    assert [fault.key for fault in faults] == ["J2 numeracy of attempt J2-model-a-0"]


def test_a_damaged_file_is_said(path: Path) -> None:
    """A file whose pages are damaged ends in a clear error, never in answers."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    with pytest.raises(LedgerCorruptError, match="is damaged: restore it"):
        open_ledger(str(path))


@pytest.mark.parametrize("table", ["text", "attempt"])
def test_what_is_missing_is_an_error_that_says_so(path: Path, table: str, tmp_path: Path) -> None:
    """Rows that were taken away end no reading in a riddle, and verify names them."""
    connection = sqlite3.connect(path)
    connection.execute(f"delete from {table}")
    connection.commit()
    connection.close()
    with open_ledger(str(path), read_only=True) as ledger:
        assert list(ledger.verify())
        reads: list[Callable[[], object]] = [lambda: ledger.why("J1", "numeracy")]
        reads = [lambda: ledger.export(tmp_path / "x.parquet"), *reads]
        if table == "attempt":
            reads = [lambda: ledger.answers().read_all(), lambda: ledger.lookup(cell_keys(asked()))]
        for read in reads:
            with pytest.raises(LedgerCorruptError, match="is missing in the ledger"):
                read()


def test_whole_attempts_that_were_taken_away_are_found(url: str) -> None:
    """An attempt leaves a gap with all of its answers: first, amid the others, or last."""
    with open_ledger(url) as ledger:
        ledger.record([attempt(asked(n)) for n in (1, 2, 3)])
        ledger.record([attempt(asked(4))])
    for number, key, message in (
        (4, "number 4", "the last attempts were taken away"),
        (2, "J3-model-a-0", "the chain is broken"),
        (1, "J3-model-a-0", "the chain is broken"),
    ):
        without(url, number)
        with open_ledger(url, read_only=True) as ledger:
            found = [(fault.key, fault.message) for fault in ledger.verify()]
        assert any(k == key and m.startswith(message) for k, m in found), found
    with open_ledger(url) as ledger:
        ledger.record([attempt(asked(5))])
        assert len(list(ledger.verify())) == 2  # what is missing stays missing


def without(url: str, number: int) -> None:
    """Take an attempt and its answers out of a ledger."""
    engine = create_engine(Location.of(url).url or f"sqlite:///{Location.of(url).path}")
    schema = f"{POSTGRES_SCHEMA}." if engine.name == "postgresql" else ""
    with engine.begin() as connection:
        for table in ("answer", "attempt"):
            connection.exec_driver_sql(f"delete from {schema}{table} where attempt_no = {number}")
    engine.dispose()


def test_an_attempt_that_was_put_in_is_found(path: Path) -> None:
    """A row whose own hashes hold is no attempt of this ledger unless the chain has it."""
    connection = sqlite3.connect(path)
    connection.execute("update attempt set chain_hash = null where attempt_no = 2")
    connection.commit()
    connection.close()
    with open_ledger(str(path), read_only=True) as ledger:
        messages = [fault.message for fault in ledger.verify()]
    assert messages == [
        "it is not in the chain of attempts",
        "it is not the one that was last",
    ]


def test_a_byte_of_an_index_is_seen_before_a_cell_is_paid_for_again(path: Path) -> None:
    """An index that does not hold what its table does is found by verify and at opening."""
    key = cell_keys(asked())[0].encode()
    content = bytearray(path.read_bytes())
    places = [at for at in range(len(content)) if content.startswith(key, at)]
    assert len(places) == 2, "once in the table, once in its index"
    found = []
    for at in places:
        damaged = bytearray(content)
        damaged[at + 5] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(LedgerCorruptError, match="missing from index answer_cell"):
            open_ledger(str(path))
        with open_ledger(str(path), read_only=True) as ledger:
            found.append({fault.table for fault in ledger.verify()})
    assert {"file"} in found, "the index alone"
    path.write_bytes(content)
    open_ledger(str(path)).close()


def test_an_attempt_outside_the_chain_is_the_only_one_blamed(path: Path, tmp_path: Path) -> None:
    """As an older release adds one to a shared ledger; an export of it moves whole."""
    with open_ledger(str(path)) as ledger:
        ledger.record([attempt(asked(3))])
    connection = sqlite3.connect(path)
    before = "select chain_hash from attempt where attempt_no = 2"
    connection.execute(f"update chain_end set attempt_no = 2, chain_hash = ({before})")
    connection.execute("update attempt set chain_hash = null where attempt_no = 3")
    connection.commit()
    connection.close()
    with open_ledger(str(path)) as ledger:
        ledger.record([attempt(asked(4))])
        assert [fault.key for fault in ledger.verify()] == ["J3-model-a-0"]
        ledger.export(tmp_path / "x.parquet")
    with open_ledger(str(tmp_path / "other.sqlite")) as other:
        assert other.import_(tmp_path / "x.parquet").faults == ()


def test_a_ledger_without_its_chains_end_is_refused_before_anything_is_asked(path: Path) -> None:
    """What could not be recorded later is not sent."""
    connection = sqlite3.connect(path)
    connection.execute("delete from chain_end")
    connection.commit()
    connection.close()
    with pytest.raises(LedgerCorruptError, match="the end of the chain of attempts is missing"):
        open_ledger(str(path))
