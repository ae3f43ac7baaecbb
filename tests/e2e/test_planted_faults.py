"""Every dbt test of the project is shown to fail on a fault that is planted for it.

The list of tests is dbt's own: a test of a new kind, or a singular test that has no fault below,
makes this fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest

from e2e.degenerate_answers import FAULTS, SOUND
from e2e.runs import Run, Warehouse, manifest

# What each singular test guards, broken; every clause of a test that has several.
SINGULAR = {
    **FAULTS,
    "a_plan_figure_is_given_for_a_whole_run_or_not_at_all": [
        *(
            "insert into main_intermediate.int_llm_imputed_attributes (outcome, estimated_calls)"
            f" values ('awaiting_llm', {calls}), ('awaiting_llm', null)"
            for calls in (0, 1)
        ),
    ],
    "coverage_reconciles_to_the_grid": [
        "update main.gold_imputation_coverage set cells = cells + 1 where rowid = 0",
        "delete from main.gold_imputation_coverage where rowid = 1",
    ],
    "every_cell_has_one_winner_or_a_named_status": [
        "update main.gold_job_attribute_provenance set is_winner = false where rowid = 0",
        "update main.gold_job_attributes set value = value || '0' where rowid = 1",
        "update main.gold_job_attributes set source_type = 'NOBODY' where rowid = 2",
        "update main.gold_job_attributes set fill_reason = 'none' where value is not null",
        "update main.gold_job_attributes set fill_status = 'failed' where value is not null",
        "update main.gold_job_attributes set fill_reason_code = 'refused' where value is not null",
        *(
            "insert into main.gold_job_attributes"
            " (job_id, attribute_id, fill_status, fill_reason, fill_reason_code)"
            f" values ('none', 'none', 'awaiting_llm', 'why', {code})"
            for code in ("null", "'truncated'", "'no such code'")
        ),
    ],
    "every_cell_of_the_grid_is_in_gold_once": [
        "delete from main.gold_job_attributes where rowid = 3",
        "insert into main.gold_job_attributes from main.gold_job_attributes where rowid = 4",
        "update main.gold_job_attributes set job_id = 'no such job' where rowid = 5",
    ],
    "every_change_begins_where_the_one_before_it_ended": [
        "insert into main.gold_cell_history (change_number, job_id, attribute_id, value_before,"
        " value_after, source_type_before, source_type_after, fill_status_before,"
        " fill_status_after) values (901, 'J', 'a', '1', '2', 'ONET', 'ONET', 'onet', 'onet'),"
        f" (902, 'J', 'a', {before})"
        for before in (
            "'1', '3', 'ONET', 'ONET', 'onet', 'onet'",
            "'2', '3', null, 'ONET', 'onet', 'onet'",
            "'2', '3', 'ONET', 'ONET', 'llm', 'onet'",
        )
    ],
    "every_input_row_could_be_used": [
        "insert into main_intermediate.int_quarantined_rows (is_error, reason) values (true, 'x')",
    ],
    "every_job_has_one_wide_row": [
        "delete from main.gold_jobs_wide where rowid = 0",
        "insert into main.gold_jobs_wide from main.gold_jobs_wide where rowid = 1",
    ],
    "every_missing_cell_was_given_to_the_model": [
        "delete from main_intermediate.int_llm_imputed_attributes where rowid = 0",
        "insert into main_intermediate.int_llm_imputed_attributes"
        " from main_intermediate.int_llm_imputed_attributes where rowid = 1",
    ],
    "every_ranked_source_can_win": [
        "delete from main_intermediate.int_resolved_cells where precedence_rank = 3",
        "update main_intermediate.int_resolved_cells set precedence_rank = 1"
        " where precedence_rank = 2",
    ],
    "every_ranked_source_is_one_that_there_is": [
        "insert into main_reference.source_precedence values ('ONETT', 7, 'a slip')",
    ],
    "every_review_can_be_used": [
        "insert into main_intermediate.int_review_decisions (job_id, problem) values ('x', 'gone')",
    ],
    "every_usable_input_row_reaches_the_grid": [
        # More rows than other tests' faults put there again.
        "delete from main_intermediate.int_jobs where rowid < 5",
        "delete from main_intermediate.int_attributes where rowid = 0",
    ],
    "llm_rows_and_only_they_have_llm_provenance": [
        f"update main.gold_job_attributes set {column} where source_type = 'ONET'"
        for column in (
            "model_used = 'a model'",
            "prompt_version = '1'",
            "rationale = 'because'",
            "imputed_at = now()",
            "source_type = 'LLM'",
        )
    ],
    "most_keys_of_an_input_find_their_partner": [
        "insert into main_intermediate.int_input_keys (input, share_without_partner)"
        " values ('somebody''s', 0.51)",
    ],
    "no_value_wins_over_a_better_source": [
        "update main.gold_job_attributes set source_precedence = null where source_precedence = 3",
        "update main.gold_job_attributes set source_precedence = 1 where source_precedence = 2",
    ],
    "precedence_matches_the_ranked_seed": [
        "update main.gold_job_attributes set source_precedence = 9 where source_type = 'ONET'",
        "update main.gold_job_attributes set source_precedence = null where source_precedence = 3",
    ],
    "sourced_values_name_their_dataset_release_and_record": [
        f"update main.gold_job_attributes set {column} = null where source_type = 'AUTHORITATIVE'"
        for column in ("dataset", "source_record", "confidence", "inheritance_level")
    ],
    # Of each kind of leak that the backtest knows, one.
    "no_twin_is_shown_what_is_masked": [
        # Its own job; another one by the same source record; one of its unit group.
        *(
            "insert into main_intermediate.int_comparable_jobs (job_number, attribute_number,"
            " comparable_job_number, precedence_rank, value_id)"
            " select twins.twin_number, twins.attribute_number, known.job_number,"
            " known.precedence_rank, known.value_id"
            " from main_intermediate.int_twin_cells as twins"
            " join main_intermediate.int_known_values as known using (attribute_number)"
            " join main_intermediate.int_jobs as own on twins.job_number = own.job_number"
            " join main_intermediate.int_jobs as other on known.job_number = other.job_number"
            f" where {leak} limit 1"
            for leak in (
                "known.job_number = twins.job_number",
                "known.job_number <> twins.job_number and known.value_id = twins.value_id"
                " and known.precedence_rank = twins.precedence_rank",
                "known.job_number <> twins.job_number and known.value_id <> twins.value_id"
                " and own.unit_group = other.unit_group",
            )
        ),
        "update main_intermediate.int_noc_onet_crosswalk_checked set onet_soc_code = 'the same'",
        "update main_intermediate.int_twin_cells set masked_gap = 'attribute_in_no_source'",
        # The cell itself; another attribute of its element; what came by unit group or crosswalk.
        "insert into main_intermediate.int_known_attributes (job_number, attribute_number)"
        " select twin_number, attribute_number from main_intermediate.int_twin_cells limit 1",
        "update main_intermediate.int_attribute_onet_elements_checked set element_id = 'the same'",
        *(
            f"update main_intermediate.int_twin_cells set masked_gap = '{gap}'"
            for gap in ("job_without_unit_group", "unit_group_without_crosswalk")
        ),
        "update main_intermediate.int_twin_jobs set unit_group = '21211'",
    ],
    "the_grid_is_every_job_times_every_attribute": [
        "delete from main_intermediate.int_cells where rowid = 0",
    ],
    "the_plan_counts_every_cell_to_ask": [
        "insert into main.gold_imputation_plan (attribute_id, cells, tier) values ('none', 1, 1)",
        *(
            "insert into main_intermediate.int_llm_imputed_attributes"
            f" (attribute_id, outcome, estimated_calls) values ('none', 'awaiting_llm', {calls})"
            for calls in ("null", 1)
        ),
    ],
    "usage_counts_every_attempt_of_the_ledger": [
        "insert into main.gold_imputation_usage (dbt_invocation_id, attempts) values ('none', 1)",
    ],
    "values_respect_their_type_and_scale": [
        "update main.gold_job_attributes set value = '9', value_number = 9"
        " where value_type = 'rating' and value is not null",
        "update main.gold_job_attributes set value = 'never heard of', value_category = 'x'"
        " where value_type = 'category' and value is not null",
        "update main.gold_job_attributes set value = 'perhaps'"
        " where value_type = 'boolean' and value is not null",
        *(
            f"update main.gold_job_attributes set value_{column} = null"
            for column in ("number", "category", "boolean", "text")
        ),
        "update main.gold_job_attributes set value_text = value where value_type = 'rating'",
    ],
}

# These say what to look at, and let the run end well.
WARNS = (
    *("every_input_row_could_be_used", "every_review_can_be_used"),
    *("most_keys_of_an_input_find_their_partner", *FAULTS),
)

KINDS = (
    *(None, "not_null", "not_null_columns", "accepted_values", "relationships"),
    *("filled_exactly_where", "unique", "unique_combination"),
)


@dataclass(frozen=True)
class DbtTest:
    """One data test as dbt knows it."""

    name: str
    kind: str | None
    arguments: dict[str, Any]
    where: str
    table: str
    query: str

    def faults(self, types: dict[str, str]) -> list[str]:
        """Return statements, each of which plants a fault; `types` are the table's columns."""
        column = self.arguments.get("column_name", "")
        match self.kind:
            case "not_null":
                return [self._update(f'"{column}" = null')]
            case "not_null_columns":
                return [self._update(f'"{one}" = null') for one in self.arguments["columns"]]
            case "accepted_values":
                return [self._update(f'"{column}" = {_stranger(types[column])}')]
            case "relationships":
                return [self._update(f'"{column}" = {_stranger(types[column], "an orphan")}')]
            case "unique":
                return [self._repeat(column)]
            case "unique_combination":
                key = self.arguments["columns"]
                filled = [c for c in key if c not in self.arguments.get("may_be_null", ())]
                return [
                    self._repeat(*filled),
                    *(self._update(f'"{column}" = null') for column in filled),
                ]
            case "filled_exactly_where":
                condition = self.arguments["condition"]
                return [
                    self._update(
                        f'"{c}" = case when {condition} then null else {_stranger(types[c])} end'
                    )
                    for c in self.arguments["columns"]
                ]
        return SINGULAR.get(self.name, [])

    @property
    def order(self) -> int:
        """Return the place of the test's faults among all, so that no fault undoes another's."""
        return KINDS.index(self.kind)

    def _row(self, condition: str) -> str:
        # Another row for each kind: faults of several tests stand in the same column.
        chosen = f"list(rowid order by rowid)[least({self.order}, count(*))]"
        return f"rowid = (select {chosen} from {self.table} where {self.where} and {condition})"

    def _repeat(self, *key: str) -> str:
        filled = " and ".join(f'"{column}" is not null' for column in key)
        return f"insert into {self.table} from {self.table} where {self._row(filled)}"

    def _update(self, assignment: str) -> str:
        return f"update {self.table} set {assignment} where {self._row('true')}"


def _stranger(type: str, text: str = "no such value") -> str:
    """Return a value that nothing in a column of this type has."""
    if type == "VARCHAR":
        return f"'{text}'"
    if type == "BOOLEAN":
        return "true"
    if type.endswith("[]"):
        return "null"
    return f"now()::{type}" if type.startswith(("TIMESTAMP", "DATE")) else "-99999"


def dbt_tests(run: Run) -> list[DbtTest]:
    """Return every data test that dbt ran."""
    nodes = manifest(run.target)["nodes"]
    tests = []
    for name, node in nodes.items():
        if node["resource_type"] != "test":
            continue
        metadata = node.get("test_metadata") or {}
        attached = nodes.get(node.get("attached_node") or "", {})
        tests.append(
            DbtTest(
                name=node["name"],
                kind=metadata.get("name"),
                arguments=metadata.get("kwargs", {}),
                where=node["config"].get("where") or "true",
                table=f'"{attached.get("schema")}"."{attached.get("alias")}"',
                query=run.results[name]["compiled_code"],
            )
        )
    return tests


@pytest.fixture(scope="module")
def tests(demo_build: tuple[Warehouse, Run]) -> list[DbtTest]:
    """Every data test of the project."""
    return dbt_tests(demo_build[1])


@pytest.fixture(scope="module")
def spoilable(copy_of_demo: Callable[..., Warehouse], tests: list[DbtTest]) -> Warehouse:
    """A copy of the demo in which every tested relation is a table without constraints."""
    warehouse = copy_of_demo("faults")
    backtest = {"backtest_cells": 20}
    warehouse.dbt("run", "--select", "int_twin_cells+", vars=backtest).ok()
    with duckdb.connect(str(warehouse.path)) as connection:
        tables = {test.table for test in tests if test.kind}
        for table in sorted(tables | {name for name in _named(connection) if "gold_" in name}):
            _loosen(connection, table)
    return warehouse


def _named(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        'select format(\'"{}"."{}"\', schema_name, table_name) from duckdb_tables()'
    ).fetchall()
    return [name for (name,) in rows]


def _loosen(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    schema, name = (part.strip('"') for part in table.split("."))
    kind = connection.execute(
        "select table_type from information_schema.tables"
        " where table_schema = $1 and table_name = $2",
        [schema, name],
    ).fetchall()[0][0]
    connection.execute(f"create temp table kept as from {table}")
    connection.execute(f"drop {'view' if kind == 'VIEW' else 'table'} {table}")
    connection.execute(f"create table {table} as from temp.kept")
    connection.execute("drop table temp.kept")


def _types(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    rows = connection.execute(f"describe {table}").fetchall()
    return {name: type for name, type, *_ in rows}


@pytest.fixture
def connection(spoilable: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to that copy."""
    with duckdb.connect(str(spoilable.path)) as connection:
        yield connection


def _faults(connection: duckdb.DuckDBPyConnection, test: DbtTest) -> list[str]:
    if test.kind is None:
        return test.faults({})
    types = _types(connection, test.table)
    faults = test.faults(types)
    if connection.execute(f"select count(*) from {test.table}").fetchall() != [(0,)]:
        return faults
    rows = (
        ", ".join(_stranger(type, f"filler {number}") for type in types.values())
        for number in range(8)
    )
    fill = "; ".join(f"insert into {test.table} values ({row})" for row in rows)
    return [f"{fill}; {fault}" for fault in faults]


def test_every_dbt_test_has_a_fault(
    connection: duckdb.DuckDBPyConnection, tests: list[DbtTest]
) -> None:
    """There is a planted fault for every data test of the project, and for no other."""
    assert tests
    assert {test.kind for test in tests} <= set(KINDS)
    assert [test.name for test in tests if not _faults(connection, test)] == []
    assert set(SINGULAR) == {test.name for test in tests if test.kind is None}


def test_every_dbt_test_sees_its_fault(
    connection: duckdb.DuckDBPyConnection, tests: list[DbtTest]
) -> None:
    """Each data test fails on each fault that is planted for it, with no other fault there."""
    blind = []
    for test in tests:
        if connection.execute(test.query).fetchall():
            blind.append((test.name, "fails without a fault"))
        for fault in _faults(connection, test):
            connection.execute("begin")
            connection.execute(fault)
            if not connection.execute(test.query).fetchall():
                blind.append((test.name, fault))
            connection.execute("rollback")
    assert blind == []


def test_no_sound_answers_are_called_degenerate(
    connection: duckdb.DuckDBPyConnection, tests: list[DbtTest]
) -> None:
    """Each test of degenerate answers is silent where they only look so, and without answers."""
    assert set(SOUND) == set(FAULTS)
    nothing = "delete from main_intermediate.int_llm_values"
    alarms = []
    for test in tests:
        for sound in (*SOUND.get(test.name, ()), *([nothing] if test.name in SOUND else [])):
            connection.execute("begin")
            connection.execute(sound)
            if connection.execute(test.query).fetchall():
                alarms.append((test.name, sound))
            connection.execute("rollback")
    assert alarms == []


def test_dbt_reports_every_fault(spoilable: Warehouse, tests: list[DbtTest]) -> None:
    """`dbt test` on a warehouse with all the faults together fails, in every one of its tests."""
    with duckdb.connect(str(spoilable.path)) as connection:
        for test in sorted(tests, key=lambda test: test.order):
            connection.execute(_faults(connection, test)[0])
    run = spoilable.dbt("test", "--exclude", "test_type:unit")
    assert run.code == 1
    statuses = run.statuses("test")
    for warns in WARNS:
        assert statuses.pop(warns) == "warn"
    assert {name: status for name, status in statuses.items() if status != "fail"} == {}
    assert len(statuses) == len(tests) - len(WARNS)
