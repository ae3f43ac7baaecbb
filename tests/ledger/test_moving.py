"""Answers move between ledgers as Parquet; what does not verify stays out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jobforge.ledger import ImportReport, Ledger, LedgerError, open_ledger
from jobforge.ledger.columns import TEXT_COLUMNS
from jobforge.ledger.hashes import text_hash
from jobforge.ledger.rows import answer_hash, attempt_hash

from ledger.builders import asked, attempt, cell_keys, failed

REQUESTS = [asked(1), asked(2)]


@pytest.fixture
def exported(ledger: Ledger, tmp_path: Path) -> Path:
    """A file with two answered, one refused and one failed attempt."""
    ledger.record([attempt(one) for one in REQUESTS])
    ledger.record([attempt(asked(3), value=None), failed(asked(4))])
    path = tmp_path / "moved" / "answers.parquet"
    assert ledger.export(path) == 4
    return path


@pytest.fixture
def other(new_url: Callable[[], str], exported: Path) -> Ledger:
    """Another empty ledger."""
    return open_ledger(new_url())


def edited(path: Path, change: Callable[[list[dict[str, Any]]], None]) -> Path:
    """Change the rows of the file."""
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    said = pq.read_metadata(path).metadata
    kept = {name: text for name, text in said.items() if name.startswith(b"jobforge")}
    schema = table.schema.with_metadata(kept)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    return path


def test_what_was_exported_is_found_elsewhere(
    exported: Path, other: Ledger, ledger: Ledger
) -> None:
    """An import gives the same answers with the same hashes, and the failed attempts too."""
    assert other.import_(exported) == ImportReport(4, 6, 0)
    keys = cell_keys(*REQUESTS)
    assert other.lookup(keys) == ledger.lookup(keys)
    assert other.why("J1", "numeracy") == ledger.why("J1", "numeracy")
    assert list(other.verify()) == []
    assert other.stats().attempts == 4


def test_importing_again_changes_nothing(exported: Path, other: Ledger) -> None:
    """A second import of the same file adds no row."""
    other.import_(exported)
    assert other.import_(exported) == ImportReport(0, 0, 4)
    assert other.stats().attempts == 4


def test_missing_answers_come_back(exported: Path, ledger: Ledger, url: str) -> None:
    """What was taken away from a ledger is there again after an import of its export."""
    if not url.startswith("postgresql"):
        connection = sqlite3.connect(url)
        connection.execute("delete from answer where answer_no <> 1")
        connection.commit()
        connection.close()
        assert list(ledger.verify())
        assert ledger.import_(exported) == ImportReport(0, 5, 4)
    assert list(ledger.verify()) == []
    assert ledger.import_(exported) == ImportReport(0, 0, 4)


def test_attempts_without_their_answers_stay_out(exported: Path, other: Ledger) -> None:
    """A file that lost its answers blocks nothing: the whole one can be imported afterwards."""
    whole = exported.read_bytes()

    def lose(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["answers"] = None

    report = other.import_(edited(exported, lose))
    assert (report.new_attempts, len(report.faults)) == (1, 3)
    exported.write_bytes(whole)
    assert other.import_(exported) == ImportReport(3, 6, 1)


def test_an_export_of_an_older_version_is_taken(exported: Path, other: Ledger) -> None:
    """What a later version added may be missing in the file."""
    table = pq.read_table(exported)
    rows = [{**row, "settled_cells": None} for row in table.to_pylist()]
    for row in rows:
        texts = {name: text_hash(row[name]) for name in TEXT_COLUMNS}
        row["row_hash"] = attempt_hash({**row, **texts})
        for answer in row["answers"]:
            answer["row_hash"] = answer_hash(answer, row["row_hash"])
    older = pa.Table.from_pylist(rows, schema=table.schema).drop_columns(
        ["settled_cells", "chain_hash"]
    )
    pq.write_table(older, exported)
    assert other.import_(exported) == ImportReport(4, 6, 0)


def test_a_ledger_is_not_replaced_by_its_export(tmp_path: Path) -> None:
    """An export onto the ledger's own file is refused."""
    path = tmp_path / "ledger.sqlite"
    with open_ledger(str(path)) as ledger:
        ledger.record([attempt()])
        with pytest.raises(LedgerError, match="own place"):
            ledger.export(path)
        assert list(ledger.verify()) == []


def test_a_changed_row_stays_out(exported: Path, other: Ledger) -> None:
    """An attempt whose answer was edited is refused and named; the others are taken."""

    def change(rows: list[dict[str, Any]]) -> None:
        rows[0]["answers"][0]["value"] = "5"

    report = other.import_(edited(exported, change))
    assert (report.new_attempts, report.new_answers) == (3, 4)
    assert [fault.key for fault in report.faults] == ["J1 numeracy of attempt J1-model-a-0"]
    assert other.lookup(cell_keys(REQUESTS[0])) == {}


def test_a_changed_prompt_stays_out(exported: Path, other: Ledger) -> None:
    """An attempt whose texts were edited is refused."""

    def change(rows: list[dict[str, Any]]) -> None:
        rows[1]["user_text"] += " edited"

    report = other.import_(edited(exported, change))
    assert report.new_attempts == 3
    assert {fault.key for fault in report.faults} == {"J2-model-a-0"}


def test_an_import_overwrites_nothing(exported: Path, other: Ledger) -> None:
    """An attempt that is here with other content stays as it is, and that is said."""
    other.record([attempt(REQUESTS[0], value="1", raw_reply="another")])
    report = other.import_(exported)
    assert [fault.message for fault in report.faults] == [
        "another attempt with this id is here already"
    ]
    assert {one.value for one in other.lookup(cell_keys(REQUESTS[0])).values()} == {"1"}


def test_an_imported_key_is_not_stored(
    exported: Path, other: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt that holds what is a key here is refused."""
    monkeypatch.setenv("OPENAI_API_KEY", "evidence first")
    report = other.import_(exported)
    assert report.new_attempts == 0
    assert all("API key" in fault.message for fault in report.faults)


def test_a_file_that_is_no_export_is_an_error(ledger: Ledger, tmp_path: Path) -> None:
    """A missing file, another Parquet file and no Parquet file are said plainly."""
    with pytest.raises(LedgerError, match="cannot be read"):
        ledger.import_(tmp_path / "missing.parquet")
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"a": [1]}), other)
    with pytest.raises(LedgerError, match="is no export of a ledger"):
        ledger.import_(other)
    other.write_text("nothing")
    with pytest.raises(LedgerError, match="cannot be read"):
        ledger.import_(other)


def test_a_failed_export_leaves_no_file(ledger: Ledger, tmp_path: Path) -> None:
    """An export that cannot be written leaves nothing behind that looks like one."""
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="cannot be written"):
        ledger.export(tmp_path / "file" / "answers.parquet")
    assert ledger.export(tmp_path / "empty.parquet") == 0
    assert ledger.import_(tmp_path / "empty.parquet") == ImportReport(0, 0, 0)
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.parametrize(("gone", "key"), [(1, "J3-model-a-0"), (-1, "answers.parquet")])
def test_a_gap_in_an_export_is_seen(exported: Path, other: Ledger, gone: int, key: str) -> None:
    """An export keeps the chain: what was taken out of it is missed, the rest is taken."""
    report = other.import_(edited(exported, lambda rows: rows.pop(gone)))
    assert (report.new_attempts, [fault.key for fault in report.faults]) == (3, [key])
    assert list(other.verify()) == []
