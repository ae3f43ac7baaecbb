"""A ledger of an older version is brought on; one of a newer version is left alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from jobforge.ledger import LedgerError, existing_ledger, open_ledger
from jobforge.ledger.migrations import CURRENT_VERSION, MIGRATIONS
from jobforge.ledger.rows import answer_row, attempt_hash, attempt_row, hashes_of, item_texts
from jobforge.ledger.tables import metadata
from sqlalchemy import create_engine, inspect

from ledger.builders import MINUTE, NOON, asked, attempt, cell_keys, item


def version_1(path: Path) -> None:
    """Make a file as version 1 of the schema had it, with one answered attempt."""
    request = asked(estimated_prompt_tokens=None, estimated_completion_tokens=None)
    record = attempt(request)
    texts = item_texts(request)
    hashes = hashes_of(texts)
    row = attempt_row(record, hashes, record.raw_reply, None)
    row["settled_cells"] = None
    row["row_hash"] = attempt_hash(row)
    for later in (
        *("estimated_prompt_tokens", "estimated_completion_tokens", "settled_cells"),
        *("cache_write_tokens", "reasoning_tokens"),
    ):
        del row[later]
    connection = sqlite3.connect(path)
    for statement in MIGRATIONS[0]:
        connection.execute(statement.format(numbered="integer primary key"))
    connection.execute("insert into schema_version values (1, ?)", [NOON.timestamp() * 1e6])
    for column, content in texts.items():
        connection.execute("insert into text values (?, ?)", [hashes[column], content])
    insert(connection, "attempt", {"attempt_no": 1, **row})
    for cell, given in zip(request.cells, record.answers, strict=True):
        answer = answer_row(cell, given, given.value, given.rationale, row["row_hash"])
        insert(connection, "answer", {"attempt_no": 1, **answer})
    connection.commit()
    connection.close()


def insert(connection: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    """Insert a row by hand."""
    places = ", ".join("?" * len(row))
    statement = f"insert into {table} ({', '.join(row)}) values ({places})"
    connection.execute(statement, list(row.values()))


def test_a_ledger_of_version_1_is_brought_on(tmp_path: Path) -> None:
    """The answers of an older ledger are found and verify, and what is new works."""
    path = tmp_path / "ledger.sqlite"
    version_1(path)
    with open_ledger(str(path)) as ledger:
        assert ledger.stats().schema_version == CURRENT_VERSION
        assert len(ledger.lookup(cell_keys(asked()))) == 2
        assert list(ledger.verify()) == []
        ledger.claim(cell_keys(asked(2)), "run-1", MINUTE)
        ledger.begin_batch("batch-1", "run-1", [item(2)])
        ledger.record([attempt(asked(3))])
        assert list(ledger.verify()) == []
    connection = sqlite3.connect(path)
    connection.execute("delete from answer where attempt_no = 1")
    connection.execute("delete from attempt where attempt_no = 1")
    connection.commit()
    connection.close()
    with open_ledger(str(path), read_only=True) as ledger:
        assert [fault.key for fault in ledger.verify()] == ["J3-model-a-0"]


def test_an_older_ledger_is_not_read_as_if_it_were_new(tmp_path: Path) -> None:
    """Reading only changes nothing, so an older ledger is named as such."""
    path = tmp_path / "ledger.sqlite"
    version_1(path)
    with pytest.raises(LedgerError, match=r"has version 1, not \d: a run brings it on"):
        open_ledger(str(path), read_only=True)


def test_a_run_that_asks_nobody_brings_it_on(tmp_path: Path) -> None:
    """Whoever wants what is there already has the answers of an older ledger."""
    path = tmp_path / "ledger.sqlite"
    version_1(path)
    ledger = existing_ledger(str(path))
    assert ledger is not None
    with ledger:
        assert len(ledger.lookup(cell_keys(asked()))) == 2


def test_a_place_without_a_ledger_has_none(tmp_path: Path, new_postgres_url: str) -> None:
    """No file, an empty file and an empty database are no fault where nobody is asked."""
    (tmp_path / "empty.sqlite").touch()
    for url in (str(tmp_path / "none.sqlite"), str(tmp_path / "empty.sqlite"), new_postgres_url):
        assert existing_ledger(url) is None


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    """A ledger that a newer release made is not touched."""
    path = tmp_path / "ledger.sqlite"
    open_ledger(str(path)).close()
    connection = sqlite3.connect(path)
    connection.execute("insert into schema_version values (99, 0)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(LedgerError, match=r"version 99.*install a newer jobforge") as found:
            open_ledger(str(path), read_only=read_only)
        assert str(path) in str(found.value)
    assert path.read_bytes() == before


def test_opening_again_migrates_nothing(url: str) -> None:
    """A current ledger is opened as it is."""
    for _ in range(3):
        with open_ledger(url) as ledger:
            assert ledger.stats().schema_version == CURRENT_VERSION


def test_the_tables_are_those_that_queries_see(tmp_path: Path) -> None:
    """After all migrations the file has the columns that the code knows, and no others."""
    path = tmp_path / "ledger.sqlite"
    open_ledger(str(path)).close()
    made = inspect(create_engine(f"sqlite:///{path}"))
    assert set(made.get_table_names()) == set(metadata.tables)
    for name, table in metadata.tables.items():
        columns = {column["name"]: column["nullable"] for column in made.get_columns(name)}
        assert set(columns) == set(table.columns.keys())
        for column in table.columns:
            if not column.primary_key:
                assert columns[column.name] == column.nullable, (name, column.name)
