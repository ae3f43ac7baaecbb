"""What the page shows is what stands in gold: nothing lost, nothing made up, nothing unbounded."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
from jobforge.report.content import TABLES
from jobforge.report.tables import SHORT_TEXT, plain
from support.gold import FIRST_ATTRIBUTE, FIRST_JOB, make_gold
from support.gold import TABLES as MADE

from report.conftest import content_of


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_every_table_of_the_page_is_made_here() -> None:
    """The warehouse of these tests has each table that the page reads, and no other."""
    assert set(MADE) == set(TABLES)


def test_counts_are_those_of_the_tables(gold: Path, shown: dict[str, Any]) -> None:
    """By status, domain and family the page's counts are gold's, and each sums to the grid."""
    coverage = shown["coverage"]
    [(cells,)] = query(gold, "select count(*) from gold_job_attributes")
    assert coverage["totals"]["cells"] == coverage["counted"]["cells"] == cells
    statuses = query(gold, "select fill_status, count(*) from gold_job_attributes group by all")
    assert {r["fill_status"]: r["cells"] for r in coverage["statuses"]} == dict(statuses)
    for part, name in (("by_domain", "domain"), ("by_family", "job_family")):
        expected = query(
            gold,
            f"select {name}, fill_status, sum(cells) from gold_imputation_coverage group by all",
        )
        rows = [(row["name"], row["fill_status"], row["cells"]) for row in coverage[part]]
        assert sorted(rows) == sorted(expected)
        assert sum(row[2] for row in rows) == cells
    assert [row["fill_status"] for row in coverage["statuses"]] == [
        *("authoritative", "onet", "llm", "awaiting_llm")
    ]


def test_families_past_the_bound_are_one(tmp_path: Path) -> None:
    """Of many families those with most cells have a row, all others one together: none is lost."""
    path = make_gold(tmp_path / "wide.duckdb", jobs=130, attributes=40, families=60)
    coverage = content_of(path)["coverage"]
    names = {row["name"] for row in coverage["by_family"]}
    assert len(names) == 41
    assert None in names
    assert sum(row["cells"] for row in coverage["by_family"]) == 130 * 40
    heat_map = coverage["heat_map"]
    assert heat_map["of"] == "families"
    assert len(heat_map["families"]) == 41
    assert sum(row[3] for row in heat_map["counts"]) == 130 * 40
    onet = heat_map["statuses"].index("onet")
    [(expected,)] = query(
        path, "select count(*) from gold_job_attributes where fill_status = 'onet'"
    )
    assert sum(row[3] for row in heat_map["counts"] if row[2] == onet) == expected


def test_a_confidence_is_counted_with_its_basis(gold: Path, shown: dict[str, Any]) -> None:
    """Values by source and basis, and how many of them have a measured confidence, are gold's."""
    expected = query(
        gold,
        "select source_type, confidence_basis, count(*), count(measured_confidence)"
        " from gold_job_attributes where value is not null group by all",
    )
    assert sorted(tuple(row.values()) for row in shown["coverage"]["bases"]) == sorted(expected)


def test_costs_are_sums_of_what_is_known(gold: Path, shown: dict[str, Any]) -> None:
    """Sums have the known costs only, and beside them stands how much has no known price."""
    [expected] = query(
        gold,
        "select sum(cost_usd), sum(calls), sum(attempts), sum(attempts_without_price),"
        " sum(attempts_without_usage), sum(cells_answered) from gold_imputation_usage",
    )
    totals = shown["costs"]["totals"]
    assert totals["cost_usd"] == pytest.approx(expected[0])
    names = ("calls", "attempts", "attempts_without_price", "attempts_without_usage")
    assert [totals[name] for name in (*names, "cells_answered")] == list(expected[1:])
    assert totals["attempts_without_price"] > 0
    runs = {row["dbt_invocation_id"]: row for row in shown["costs"]["runs"]}
    assert runs["run-5"]["cost_usd"] is None
    assert [name for name, row in runs.items() if row["is_backtest"]] == [
        *("run-4-backtest", "run-2-backtest", "run-0-backtest")
    ]


@pytest.mark.parametrize("table", [name for name in TABLES if "imputation_" in name][2:])
def test_measurements_are_shown_as_they_stand(
    gold: Path, shown: dict[str, Any], table: str
) -> None:
    """Each row of accuracy and reliability is on the page with the very figures of gold."""
    rows = shown["accuracy"][table]["rows"]
    names = list(rows[0])
    expected = query(gold, f"select {', '.join(names)} from {table}")
    assert Counter(json.dumps(list(row.values())) for row in rows) == Counter(
        json.dumps([plain(value) for value in row]) for row in expected
    )
    assert shown["accuracy"][table]["total"] == len(expected)


def test_the_search_covers_all_of_few_cells(gold: Path, shown: dict[str, Any]) -> None:
    """Each cell is there with gold's value, its candidates in their order, and its history."""
    cells = {(cell["job_id"], cell["attribute_id"]): cell for cell in shown["search"]["cells"]}
    assert len(cells) == shown["search"]["of_cells"] == 240
    for job, attribute, value, status, measured in query(
        gold,
        "select job_id, attribute_id, value, fill_status, measured_confidence"
        " from gold_job_attributes",
    ):
        cell = cells[job, attribute]
        assert (cell.get("value"), cell["fill_status"]) == (value, status)
        assert cell.get("measured_confidence") == plain(measured)
    for job, attribute, ranks in query(
        gold,
        "select job_id, attribute_id, list(candidate_rank order by candidate_rank)"
        " from gold_job_attribute_provenance group by all",
    ):
        candidates = cells[job, attribute]["candidates"]
        assert [candidate["candidate_rank"] for candidate in candidates] == ranks
        assert candidates[0]["is_same"]
        assert [candidate["value"] for candidate in candidates[1:]] == ["1"] * (len(ranks) - 1)
    changed = query(gold, "select job_id, attribute_id, change_number from gold_cell_history")
    assert changed
    for job, attribute, number in changed:
        assert [one["change_number"] for one in cells[job, attribute]["history"]] == [number]
    assert (FIRST_JOB, FIRST_ATTRIBUTE) in cells


def test_a_winner_that_differs_from_its_cell_is_shown_in_full(tmp_path: Path) -> None:
    """Where the provenance says something else than the cell, the page says both."""
    path = make_gold(tmp_path / "differing.duckdb")
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "update gold_job_attribute_provenance set value = 'other' where job_id = 'J-1'"
        )
    cells = content_of(path)["search"]["cells"]
    candidates = [c["candidates"][0] for c in cells if c["job_id"] == "J-1" and "value" in c]
    assert {candidate["value"] for candidate in candidates} == {"other"}
    assert not any("is_same" in candidate for candidate in candidates)


def test_of_many_cells_the_search_covers_what_matters_first(gold: Path) -> None:
    """The queue's head, then the largest conflicts, then the latest changes, then others."""
    search = content_of(gold, most_cells=40)["search"]
    found = [(cell["job_id"], cell["attribute_id"]) for cell in search["cells"]]
    assert len(found) == len(set(found)) == 40
    assert search["of_cells"] == 240
    queue = query(
        gold, "select job_id, attribute_id from gold_review_queue order by queue_rank limit 10"
    )
    conflicts = query(
        gold,
        "select job_id, attribute_id from gold_source_conflicts"
        " order by difference_share desc, job_id, attribute_id limit 10",
    )
    changes = query(
        gold,
        "select job_id, attribute_id from gold_cell_history order by change_number desc limit 10",
    )
    first = list(dict.fromkeys([*queue, *conflicts, *changes]))
    assert found[: len(first)] == first
    assert len(first) < 40


def test_the_search_takes_no_more_of_the_page_than_it_may(
    gold: Path, shown: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the texts are, the cells end where their share of the page does, in their order."""
    monkeypatch.setattr("jobforge.report.cells._MOST_BYTES", 20_000)
    cells = content_of(gold)["search"]["cells"]
    assert 5 < len(cells) < 100
    assert len(json.dumps(cells, ensure_ascii=False).encode()) < 22_000
    assert cells == shown["search"]["cells"][: len(cells)]


def test_tables_that_are_not_there_are_said(tmp_path: Path) -> None:
    """Without a table its part is empty and its state says so, the others stay."""
    path = make_gold(tmp_path / "half.duckdb")
    gone = ("gold_review_queue", "gold_cell_history", "gold_jobs_wide")
    with duckdb.connect(str(path)) as connection:
        for name in gone:
            connection.execute(f"drop table {name}")
        connection.execute("delete from gold_source_conflicts")
    half = content_of(path)
    states = half["tables"]
    assert {name for name, state in states.items() if state == "missing"} == set(gone)
    assert [name for name, state in states.items() if state == "empty"] == ["gold_source_conflicts"]
    assert half["findings"]["gold_review_queue"] == {"total": 0, "rows": [], "parts": []}
    assert half["coverage"]["totals"]["cells"] == len(half["search"]["cells"]) == 240
    assert half["search"]["jobs"] == {}


def test_an_empty_warehouse_has_a_content(tmp_path: Path) -> None:
    """Nothing built yet: every table is missing and no part fails."""
    path = tmp_path / "empty.duckdb"
    duckdb.connect(str(path)).close()
    nothing = content_of(path)
    assert set(nothing["tables"].values()) == {"missing"}
    assert nothing["search"] == {"cells": [], "of_cells": 0, "jobs": {}}


def test_columns_of_an_older_warehouse_are_null(tmp_path: Path) -> None:
    """A column that the table lacks is read as null, and what is there is shown."""
    path = make_gold(tmp_path / "older.duckdb")
    with duckdb.connect(str(path)) as connection:
        for table, columns in (
            ("gold_job_attributes", ("measured_confidence", "confidence_basis")),
            ("gold_imputation_accuracy", ("skill", "skill_low", "skill_high")),
        ):
            for column in columns:
                connection.execute(f"alter table {table} drop column {column}")
    older = content_of(path)
    assert all("measured_confidence" not in cell for cell in older["search"]["cells"])
    assert {row["measured_cells"] for row in older["coverage"]["bases"]} == {0}
    rows = older["accuracy"]["gold_imputation_accuracy"]["rows"]
    assert {row["skill"] for row in rows} == {None}
    assert any(row["mae"] is not None for row in rows)


def test_values_are_what_json_can_carry() -> None:
    """No number is null, moments are in UTC, what hides is seen, and a text has an end."""
    assert plain(float("nan")) is None
    assert plain(float("inf")) is None
    assert plain("a\u202eb\u2028c\nd") == "a\\u202eb\\u2028c\nd"
    assert len(plain("x" * 10_000)) == SHORT_TEXT
    assert plain(True) is True
    assert plain(3) == 3


def test_the_warehouse_is_only_read(gold: Path) -> None:
    """Not a byte of the warehouse changes."""
    before = hashlib.sha256(gold.read_bytes()).hexdigest()
    content_of(gold)
    assert hashlib.sha256(gold.read_bytes()).hexdigest() == before
