"""The history of gold: every change between two builds is an event, whatever happens meanwhile."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jobforge.history.build import Compared, keep_changes, recorded
from jobforge.history.past import cell_at
from jobforge.history.records import STATE
from jobforge.ledger import open_ledger

from e2e.runs import BUILD, Run, Warehouse, manifest

GOLD = "main.gold_job_attributes"
EVENTS = "main.gold_cell_history"
NAME = "dev_demo"
# The figures beside gold's cells, which other tests leave out as well.
FIGURES = [name for name in BUILD[BUILD.index("--exclude") + 1 : -1] if "history" not in name]
# How the sources are ranked is kept and not compared.
COMPARED = [name for name in STATE if name != "source_precedence"]

Cell = tuple[str, str]
State = tuple[Any, ...]
Layer = dict[Cell, State]


def layer(warehouse: Warehouse) -> Layer:
    """Return gold's cells with what is compared of them."""
    rows = warehouse.query(f"select job_id, attribute_id, {', '.join(COMPARED)} from {GOLD}")
    return {(row[0], row[1]): row[2:] for row in rows}


def events(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Return the events in their order."""
    return warehouse.dicts(f"select * from {EVENTS} order by change_number")


def changed(before: Layer, after: Layer) -> set[Cell]:
    """Return the cells that differ, found without any SQL of the project."""
    return {cell for cell in before | after if before.get(cell) != after.get(cell)}


def check_events(found: list[dict[str, Any]], before: Layer, after: Layer) -> None:
    """The events are the differences of two layers: each cell once, with both of its sides."""
    cells = [(event["job_id"], event["attribute_id"]) for event in found]
    assert len(set(cells)) == len(cells)
    assert set(cells) == changed(before, after)
    nobody = (None,) * len(COMPARED)
    for event, cell in zip(found, cells, strict=True):
        for side, states in (("before", before), ("after", after)):
            state = dict(zip(COMPARED, states.get(cell, nobody), strict=True))
            shown = {name: event[f"{name}_{side}"] for name in state if f"{name}_{side}" in event}
            assert shown == {name: state[name] for name in shown}
            assert len(shown) >= 9


@dataclass
class Story:
    """Builds on one warehouse, one after the other, with the layer and the events after each."""

    warehouse: Warehouse
    layers: list[Layer] = field(default_factory=list)
    new_events: list[list[dict[str, Any]]] = field(default_factory=list)
    moments: list[datetime] = field(default_factory=list)

    def build(self, *selected: str, **vars: Any) -> Run:
        """Build what is selected and all that follows from it, and keep what came of it."""
        before = len(events(self.warehouse))
        options = ("--select", *selected, "--exclude", *FIGURES)
        run = self.warehouse.dbt("run", *options, vars=vars).ok()
        self.layers.append(layer(self.warehouse))
        self.new_events.append(events(self.warehouse)[before:])
        self.moments.append(datetime.now(UTC))
        return run


@pytest.fixture(scope="module")
def moved(demo: Warehouse, copy_of_demo: Callable[..., Warehouse]) -> Warehouse:
    """The demo's warehouse and its ledger at another place."""
    warehouse = copy_of_demo("history")
    shutil.copy(demo.ledger, warehouse.ledger)
    return warehouse


@pytest.fixture(scope="module")
def story(moved: Warehouse) -> Story:
    """Four builds: nothing new, a release of O*NET, a file of one's own, and a job that leaves."""
    story = Story(moved, [layer(moved)], [events(moved)], [datetime.now(UTC)])
    story.build("history_recorded+")
    moved.query(
        """
        update main_demo.demo_onet_ratings set dataset_release = '31.0';
        update main_demo.demo_onet_ratings set data_value = '1.00'
            where element_name = 'Originality' and scale_id = 'LV';
        -- Withdrawn for all occupations, and added for those that had no such rating.
        delete from main_demo.demo_onet_ratings where element_name = 'Systems Evaluation';
        insert into main_demo.demo_onet_ratings
        select * replace ('2.B.3.e' as element_id, 'Programming' as element_name)
        from main_demo.demo_onet_ratings as other
        where element_name = 'Originality' and scale_id = 'LV' and not exists (
            select 1 from main_demo.demo_onet_ratings as rated
            where rated.onet_soc_code = other.onet_soc_code and rated.element_id = '2.B.3.e');
        """
    )
    story.build("int_onet_ratings_checked+")
    moved.query(
        f"""
        insert into main_demo.demo_authoritative_values
        select 'job', job_id, attribute_id, value, 'HR ratings', '2026-12' from {GOLD}
        where fill_status = 'llm' order by job_id, attribute_id limit 7
        """
    )
    story.build("int_authoritative_values_checked+")
    moved.query("delete from main_demo.demo_jobs where job_id = 'LW-001'")
    story.build("int_jobs_checked+")
    return story


def test_a_history_begins_with_a_layer_and_no_event(demo_build: tuple[Warehouse, Run]) -> None:
    """The first run records the whole of gold in one row a state."""
    warehouse, run = demo_build
    assert events(warehouse) == []
    assert f"History {NAME}: begins with 1,000 cells" in run.output
    with open_ledger(str(warehouse.ledger), read_only=True) as ledger:
        ((part, rows),) = ledger.history(NAME)
    assert part.kind == "layer"
    assert sum(map(len, rows["job_ids"].to_pylist())) == 1000
    assert rows.num_rows < 1000


def test_a_build_that_changes_nothing_adds_nothing(story: Story) -> None:
    """Neither an event nor a recording."""
    assert story.layers[1] == story.layers[0]
    assert story.new_events[1] == []
    with open_ledger(str(story.warehouse.ledger), read_only=True) as ledger:
        assert len(ledger.recordings(NAME)) == 4


def test_a_release_is_told_cell_by_cell(story: Story) -> None:
    """Changed, added and withdrawn ratings of a release are events that make up the difference."""
    before, after, found = story.layers[1], story.layers[2], story.new_events[2]
    check_events(found, before, after)
    kinds: dict[str, list[dict[str, Any]]] = {}
    for event in found:
        kinds.setdefault(event["change_kind"], []).append(event)
    assert set(kinds) == {"new_release", "raised", "emptied"}
    for event in kinds["new_release"]:
        assert event["dataset_release_before"] in ("29.3", "30.0")
        assert event["dataset_release_after"] == "31.0"
    moved = {
        e["attribute_id"] for e in kinds["new_release"] if e["value_before"] != e["value_after"]
    }
    assert "abilities_originality" in moved
    assert {e["attribute_id"] for e in kinds["emptied"]} == {"skills_systems_evaluation"}
    assert {e["attribute_id"] for e in kinds["raised"]} == {"skills_programming"}
    source = COMPARED.index("source_type")
    of_onet = {cell for cell, state in after.items() if state[source] == "ONET"}
    assert of_onet
    assert of_onet <= changed(before, after)


def test_a_file_supersedes_answers_of_the_model(story: Story) -> None:
    """Each cell of the file is raised from the model to its authoritative value, and no other."""
    found = story.new_events[3]
    check_events(found, story.layers[2], story.layers[3])
    raised = [event for event in found if event["change_kind"] == "raised"]
    assert len(raised) == 7
    for event in raised:
        assert (event["source_type_before"], event["source_type_after"]) == ("LLM", "AUTHORITATIVE")
        assert event["value_before"] == event["value_after"]
        assert (event["dataset_after"], event["dataset_release_after"]) == ("HR ratings", "2026-12")
        assert event["change_reason"] == "AUTHORITATIVE took the place of LLM"


def test_cells_of_a_job_that_left_are_gone(story: Story) -> None:
    """One event for each, and nothing else but what its absence changed elsewhere."""
    found = story.new_events[4]
    check_events(found, story.layers[3], story.layers[4])
    gone = {e["attribute_id"] for e in found if e["change_kind"] == "cell_gone"}
    assert len(gone) == 40
    assert {e["job_id"] for e in found if e["change_kind"] == "cell_gone"} == {"LW-001"}


def test_events_are_numbered_and_name_the_run_that_found_them(story: Story) -> None:
    """Numbers go on without a gap; a run's events share its time and its invocation."""
    found = events(story.warehouse)
    assert [event["change_number"] for event in found] == list(range(1, len(found) + 1))
    assert len({(event["changed_at"], event["dbt_invocation_id"]) for event in found}) == 3


@contextmanager
def as_of(warehouse: Warehouse, moment: str) -> Iterator[Layer]:
    """Give the layer that `gold_as_of` tells of a moment."""
    inline = f"select * from {{{{ gold_as_of('{moment}') }}}}"
    run = warehouse.dbt("compile", "--quiet", "--inline", inline)
    assert run.code == 0, run.output
    sql = run.output[run.output.index("select * from") :]
    rows = warehouse.query(f"select job_id, attribute_id, {', '.join(COMPARED)} from ({sql})")
    yield {(row[0], row[1]): row[2:] for row in rows}


def test_the_whole_layer_of_any_moment(story: Story) -> None:
    """After each build `gold_as_of` gives what gold said then, and of today what it says now."""
    for moment, then in list(zip(story.moments, story.layers, strict=True))[::2]:
        with as_of(story.warehouse, moment.isoformat()) as found:
            assert found == then
    with as_of(story.warehouse, datetime.now(UTC).date().isoformat()) as found:
        assert found == story.layers[-1] == layer(story.warehouse)


def test_before_the_history_nothing_is_known(story: Story) -> None:
    """A day before it begins, and what is no day, stop with a word."""
    for moment, words in (
        ("2020-01-01", "The history of gold begins at"),
        ("last week", "is no day such as 2026-07-01"),
    ):
        inline = f"select * from {{{{ gold_as_of('{moment}') }}}}"
        run = story.warehouse.dbt("compile", "--inline", inline)
        assert run.code != 0
        assert words in run.output


def test_a_deleted_warehouse_takes_no_event_with_it(
    story: Story, demo: Warehouse, place: Path
) -> None:
    """On the demo's own warehouse, with the ledger, all is there, and the way back is an event."""
    warehouse = demo.copy_to(place / "history_again")
    shutil.copy(story.warehouse.ledger, warehouse.ledger)
    told = events(story.warehouse)
    warehouse.dbt("run", "--full-refresh", "--select", "history_recorded+").ok()
    found = events(warehouse)
    assert found[: len(told)] == told
    check_events(found[len(told) :], story.layers[-1], layer(warehouse))
    kinds = {event["change_kind"] for event in found[len(told) :]}
    assert {"new_cell", "lowered", "new_release"} <= kinds


@pytest.fixture(scope="module")
def spoilt(story: Story) -> Warehouse:
    """A copy of the story's warehouse and ledger, for tests that spoil it one after the other."""
    warehouse = story.warehouse.copy_to(story.warehouse.folder / "spoilt")
    shutil.copy(story.warehouse.ledger, warehouse.ledger)
    return warehouse


def test_a_run_that_was_killed_after_the_ledger_had_it_is_told_once(spoilt: Warehouse) -> None:
    """The next run finds the events in the ledger and adds none."""
    told = events(spoilt)
    last = told[-1]["dbt_invocation_id"]
    # As if the warehouse had seen nothing of the last recording.
    spoilt.query(
        "delete from main_intermediate.history_changes;"
        f"delete from {EVENTS} where dbt_invocation_id = '{last}'"
    )
    again = spoilt.dbt("run", "--select", "history_changes+")
    assert again.code == 1
    assert "another run has recorded the history dev_demo up to 4" in again.output
    spoilt.dbt("run", "--select", "history_recorded+").ok()
    assert events(spoilt) == told


def test_most_cells_are_not_gone_without_leave(spoilt: Warehouse) -> None:
    """A gold without its cells is no event: the run stops and says which var lets it pass."""
    spoilt.query(f"delete from {GOLD} where job_id > 'LW-005'")
    run = spoilt.dbt("run", "--select", "history_recorded+")
    assert run.code == 1
    assert "800 of the 960 cells" in run.output
    assert "history_max_gone_share lets pass" in run.output
    assert run.statuses("model")["gold_cell_history"] == "skipped"
    with open_ledger(str(spoilt.ledger), read_only=True) as ledger:
        assert len(ledger.recordings(NAME)) == 4


def test_histories_of_two_names_know_nothing_of_each_other(moved: Warehouse, story: Story) -> None:
    """What another target has recorded is no part of one's own history."""
    warehouse = moved.copy_to(moved.folder / "prod", history="prod")
    shutil.copy(moved.ledger, warehouse.ledger)
    run = warehouse.dbt("run", "--select", "history_recorded+").ok()
    assert "History prod: begins with 960 cells" in run.output
    assert events(warehouse) == []
    with open_ledger(str(warehouse.ledger), read_only=True) as ledger:
        assert {one.history: one.sequence for one in ledger.recordings()} == {NAME: 4, "prod": 1}


# Small layers through the SQL of the models and the code of the ledger.
NAMED_STATES: dict[str, dict[str, Any]] = {
    "capped": {"fill_status": "awaiting_llm", "fill_reason_code": "cost_cap"},
    "failed": {"fill_status": "failed", "fill_reason_code": "truncated"},
    "model": {"value": "3", "fill_status": "llm", "source_type": "LLM", "model_used": "m1"},
    "model_again": {
        **{"value": "4", "fill_status": "llm", "source_type": "LLM", "model_used": "m1"},
        "imputed_at": datetime(2026, 1, 1, tzinfo=UTC),
    },
    "onet": {"value": "3", "fill_status": "onet", "source_type": "ONET", "dataset_release": "29"},
    "onet_next": {
        **{"value": "3", "fill_status": "onet", "source_type": "ONET", "dataset_release": "30"},
    },
    "own": {
        **{"value": "5", "fill_status": "authoritative", "source_type": "AUTHORITATIVE"},
        **{"dataset": "HR", "source_record": "J"},
    },
    "accepted": {
        **{"value": "3", "fill_status": "onet", "source_type": "ONET", "dataset_release": "29"},
        **{"reviewed_by": "Ann", "reviewed_at": datetime(2026, 1, 2, tzinfo=UTC)},
    },
    "overruled": {
        **{"value": "1", "fill_status": "review", "source_type": "REVIEW", "reviewed_by": "Ann"},
    },
}
CELLS = [(job, attribute) for job in ("J1", "J2", "J3") for attribute in ("a", "b")]
LAYERS = st.lists(
    st.dictionaries(st.sampled_from(CELLS), st.sampled_from(sorted(NAMED_STATES)), min_size=1),
    min_size=10,
    max_size=10,
)


class Models:
    """The SQL of the history's models, as dbt compiled it, on a database in memory."""

    def __init__(self, run: Run) -> None:
        nodes = manifest(run.target)["nodes"].values()
        self._sql = {
            node["name"]: run.results[node["unique_id"]]["compiled_code"]
            for node in nodes
            if node["resource_type"] == "model" and "/history/" in node["path"]
        }
        gold = next(node for node in nodes if node["name"] == "gold_cell_history")
        self._sql["gold_cell_history"] = run.results[gold["unique_id"]]["compiled_code"]
        self.connection = duckdb.connect()
        self.connection.execute(
            """
            attach ':memory:' as jobforge;
            use jobforge;
            create schema main_intermediate;
            create schema main_staging;
            create table main_staging.stg_source_precedence as
            select * from (values
                ('REVIEW', 4.0), ('AUTHORITATIVE', 3.0), ('ONET', 2.0), ('LLM', 1.0))
                as given(source_type, source_precedence)
            """
        )
        types = {"source_precedence": "double"}
        types |= dict.fromkeys(("imputed_at", "reviewed_at"), "timestamptz")
        columns = ", ".join(f"{name} {types.get(name, 'varchar')}" for name in STATE)
        self.connection.execute(
            f"create table {GOLD} (job_id varchar, attribute_id varchar, {columns})"
        )

    def build(self, given: Mapping[Cell, str], number: int, ledger: str) -> list[dict[str, Any]]:
        """Build the history over a layer; return all events so far."""
        self.connection.execute(f"delete from {GOLD}")
        for (job, attribute), name in given.items():
            state = [NAMED_STATES[name].get(column) for column in STATE]
            marks = ", ".join("?" for _ in range(len(state) + 2))
            self.connection.execute(
                f"insert into {GOLD} values ({marks})", [job, attribute, *state]
            )
        run: dict[str, Any] = {"run_id": f"run-{number}", "log": len, "ledger_url": ledger}
        self._make("view", "int_gold_states")
        states = self.connection.sql("from main_intermediate.int_gold_states")
        self._take(
            "history_recorded", recorded("dev", states.to_arrow_reader, cells=len(given), **run)
        )
        self._make("view", "int_recorded_cells")
        self._make("table", "int_cell_changes")
        changes = "from main_intermediate.int_cell_changes order by job_id, attribute_id"
        counts = self.connection.sql(
            f"""
            select
                count(*), count(*) filter (change_kind = 'cell_gone'),
                count(*) filter (change_kind = 'new_cell'), coalesce(max(compared_sequence), 0)
            {changes.partition(" order")[0]}
            """
        ).fetchall()[0]
        kept = keep_changes(
            "dev",
            self.connection.sql(changes).to_arrow_reader,
            Compared(len(given), *counts),
            max_gone_share="1",
            **run,
        )
        self._take("history_changes", kept)
        self._make("table", "gold_cell_history", "main")
        found = self.connection.sql(f"from {EVENTS} order by change_number")
        names = found.columns
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def _make(self, kind: str, name: str, schema: str = "main_intermediate") -> None:
        self.connection.execute(f"create or replace {kind} {schema}.{name} as {self._sql[name]}")

    def _take(self, name: str, rows: Any) -> None:
        self.connection.execute(f"create or replace table main_intermediate.{name} as from rows")


@pytest.fixture(scope="module")
def models(demo_build: tuple[Warehouse, Run]) -> Models:
    """The models of the built demo."""
    return Models(demo_build[1])


NUMBERS = itertools.count()


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(layers=LAYERS)
def test_ten_builds_in_any_order_of_changes(
    models: Models, tmp_path: Path, layers: list[dict[Cell, str]]
) -> None:
    """Events are the differences of each two layers, and lead from the first to any of them."""
    ledger_url = str(tmp_path / f"{next(NUMBERS)}.sqlite")
    states = {
        name: tuple(state.get(column) for column in COMPARED)
        for name, state in NAMED_STATES.items()
    }
    whole = [{cell: states[name] for cell, name in one.items()} for one in layers]
    told: list[dict[str, Any]] = []
    for number, (one, after) in enumerate(zip(layers, whole, strict=True)):
        found = models.build(one, number, ledger_url)
        assert found[: len(told)] == told
        if number:
            check_events(found[len(told) :], whole[number - 1], after)
        assert {event["dbt_invocation_id"] for event in found[len(told) :]} <= {f"run-{number}"}
        told = found
    assert [event["change_number"] for event in told] == list(range(1, len(told) + 1))
    with open_ledger(ledger_url, read_only=True) as ledger:
        assert list(ledger.verify()) == []
        for recording in ledger.recordings("dev"):
            then = whole[int(recording.dbt_invocation_id.removeprefix("run-"))]
            # Of each build two cells: together all, and others in each example.
            for job, attribute in CELLS[recording.sequence % 3 :: 3]:
                cell = cell_at(ledger, recording, job, attribute)
                known = None if cell is None else tuple(cell.state[name] for name in COMPARED)
                assert known == then.get((job, attribute))
