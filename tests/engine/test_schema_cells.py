"""Two ways to write a schema's cells: each is a version, and an answer under one is enough."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from jobforge.evaluation.twins import ask_twins
from jobforge.ledger import open_ledger
from jobforge.requests.inputs import ImputationRequest
from jobforge.requests.keys import Keyer
from jobforge.settings import Rationale, SchemaCells, Settings
from support.builders import (
    IDS,
    JOB,
    PACK,
    jobs,
    packs_table,
    prices_table,
    recorded_table,
    request,
    requests_table,
)
from support.loopback_server import LoopbackServer
from support.waiting import HANG_SECONDS

from engine.runs import LIVE, Runs, check_ledger, ledger_attempts, outcomes, values

BATCH = {"mode": "batch", "batch_wait_seconds": HANG_SECONDS}
BOTH: list[tuple[SchemaCells, SchemaCells]] = [("spelt_out", "shared"), ("shared", "spelt_out")]
both_ways = pytest.mark.parametrize(("first", "then"), BOTH)


@pytest.fixture
def runs(live_server: LoopbackServer) -> Runs:
    """Runs without bounds of texts, as any server far away gets them."""
    return Runs(live_server, replace(LIVE, text_bounds="off"))


def versions() -> dict[str, int]:
    """How many attempts there were under each schema version."""
    found: dict[str, int] = {}
    for attempt in ledger_attempts():
        found[attempt["schema_version"]] = found.get(attempt["schema_version"], 0) + 1
    return found


def question_keys(count: int, cells: SchemaCells, rationale: Rationale = "before") -> set[str]:
    """The keys of the questions about some jobs' cells."""
    keyer = Keyer(Settings(rationale=rationale, schema_cells=cells))
    return {
        cell.question_key for one in jobs(count) for cell in keyer.keyed(one, PACK).cells.values()
    }


@pytest.mark.parametrize("mode", [{}, BATCH])
@pytest.mark.parametrize("form", ["integers", "strings", "plain"])
def test_shared_cells_are_asked_for_and_read(runs: Runs, mode: dict[str, Any], form: str) -> None:
    """With the var requests refer to their cells, live and in batches, in every form."""
    runs.server.batches.end_when_looked_at(1)
    rows = runs(*jobs(3), settings={**mode, "schema_cells": "shared", "schema_form": form})
    assert outcomes(rows) == {"answered": 3 * len(IDS)}
    for asked in runs.asked:
        refers = ["$ref" in one for one in asked.schema["properties"].values()]
        assert set(refers) == {form != "plain"}
    assert versions() == {"2": 3}
    check_ledger()


@pytest.mark.parametrize("rationale", ["before", "after", "none"])
@both_ways
def test_an_answer_of_either_version_is_enough(
    runs: Runs, first: SchemaCells, then: SchemaCells, rationale: Rationale
) -> None:
    """What was answered before the setting changed is not asked again, and back; new cells are."""
    place = {"rationale": rationale}
    before = values(runs(*jobs(3), settings={**place, "schema_cells": first}))
    for settings in ({}, BATCH):
        rows = runs(*jobs(3), settings={**settings, **place, "schema_cells": then})
        assert runs.asked == []
        assert values(rows) == before
        assert {row["question_key"] for row in rows} == question_keys(3, first, rationale)
    rows = runs(*jobs(5), settings={**place, "schema_cells": then})
    assert len(runs.asked) == 2
    assert outcomes(rows) == {"answered": 5 * len(IDS)}
    runs(*jobs(5), settings={**place, "schema_cells": first})
    assert runs.asked == []
    check_ledger()


def test_another_model_or_reason_is_asked_all_the_same(runs: Runs) -> None:
    """Only the schema's version may differ: an answer to another question or model is none."""
    runs(*jobs(2))
    for other in ({"model": "another-model"}, {"temperature": 0.5}, {"rationale": "after"}):
        runs(*jobs(2), settings={**other, "schema_cells": "shared"})
        assert len(runs.asked) == 2
    check_ledger()


@both_ways
def test_a_plan_prices_what_neither_version_has(
    runs: Runs, first: SchemaCells, then: SchemaCells
) -> None:
    """A plan counts what a run would ask."""
    runs(*jobs(2), settings={"schema_cells": first})
    rows = runs(*jobs(3), settings={"mode": "plan", "schema_cells": then})
    assert outcomes(rows) == {"answered": 2 * len(IDS), "awaiting_llm": len(IDS)}
    assert sum(row["estimated_calls"] or 0 for row in rows) == pytest.approx(1)


@pytest.mark.parametrize("mode", ["off", "replay"])
@both_ways
def test_a_run_that_asks_nobody_takes_either_version(
    runs: Runs, first: SchemaCells, then: SchemaCells, mode: str
) -> None:
    """The ledger's answers are found by either question, of whatever model."""
    before = values(runs(*jobs(2), settings={"schema_cells": first, "model": "another-model"}))
    rows = runs(*jobs(2), settings={"mode": mode, "schema_cells": then})
    assert values(rows) == before
    assert {row["model_requested"] for row in rows} == {"another-model"}
    assert {row["question_key"] for row in rows} == question_keys(2, first)


@both_ways
def test_a_recording_answers_either_version(
    runs: Runs, first: SchemaCells, then: SchemaCells
) -> None:
    """What was recorded under one version is replayed under the other, as that question's."""
    cell = Keyer(Settings(schema_cells=first)).keyed(request(), PACK).cells["reading"]
    recorded = recorded_table({"question_key": cell.question_key})
    rows = runs(
        request(attribute_ids=("reading", "shifts")),
        settings={"mode": "replay", "schema_cells": then},
        recorded=recorded,
    )
    assert values(rows) == {(JOB.job_id, "reading"): "4"}
    (row,) = (one for one in rows if one["outcome"] == "answered")
    assert row["question_key"] == cell.question_key


def test_its_own_version_goes_first(runs: Runs) -> None:
    """A cell that both versions answer has each run's own answer, in every mode."""
    own = {}
    both: list[SchemaCells] = ["spelt_out", "shared"]
    for number, cells in enumerate(both):
        runs.server.answer = _always(number)
        rows = ask_as_twins(jobs(2), schema_cells=cells)
        own[cells] = values(rows)
    runs.server.answer = None
    assert own["spelt_out"] != own["shared"]
    for mode in ("live", "batch", "plan", "off", "replay"):
        for cells in both:
            rows = runs(*jobs(2), settings={"mode": mode, "schema_cells": cells})
            assert values(rows) == own[cells]
    assert runs.asked == []


def _always(value: int) -> Any:
    def answer(body: dict[str, Any]) -> dict[str, Any]:
        cell = {"rationale": "so it is", "confidence": 70}
        given = [value, value, ["none", "manager"][value], bool(value), f"tool {value}"]
        return {name: {**cell, "value": one} for name, one in zip(IDS, given, strict=True)}

    return answer


def ask_as_twins(
    requests: list[ImputationRequest], *, recorded: pa.Table | None = None, **settings: Any
) -> list[dict[str, Any]]:
    """Ask as the backtest does, of the run's own model."""
    rows: list[dict[str, Any]] = (
        ask_twins(
            [replace(LIVE, price_waiver=True, prices=_PRICE, **settings)],
            packs_table(PACK),
            lambda: requests_table(*requests),
            recorded_table() if recorded is None else recorded,
            prices_table(),
            budget=100,
            run_id="run-backtest",
            log=lambda line: None,
        )
        .read_all()
        .to_pylist()
    )
    return rows


_PRICE: Any = {LIVE.model: {"input": 1, "output": 4}}


@pytest.mark.parametrize("mode", ["live", "batch"])
@both_ways
def test_twins_are_asked_anew(runs: Runs, first: SchemaCells, then: SchemaCells, mode: Any) -> None:
    """A backtest of one version takes no answer of the other, or neither would be measured."""
    runs.server.batches.end_when_looked_at(1)
    how = {"mode": mode, "batch_wait_seconds": HANG_SECONDS}
    runs(*jobs(2), settings={"schema_cells": first})
    rows = ask_as_twins(jobs(2), schema_cells=then, **how)
    assert outcomes(rows) == {"answered": 2 * len(IDS)}
    assert versions() == {"1": 2, "2": 2}
    assert {row["question_key"] for row in rows} == question_keys(2, then)
    # What was asked once is known.
    ask_as_twins(jobs(2), schema_cells=then, **how)
    assert runs.server.count == 4
    check_ledger()


@pytest.mark.parametrize("mode", ["off", "replay", "plan"])
def test_twins_take_no_answer_of_the_other_version(runs: Runs, mode: Any) -> None:
    """Neither from the ledger nor from a recording, where nobody is asked."""
    runs(*jobs(2))
    cell = Keyer(Settings()).keyed(request(), PACK).cells["reading"]
    recorded = recorded_table({"question_key": cell.question_key})
    asked = [*jobs(2), request()]
    rows = ask_as_twins(asked, recorded=recorded, mode=mode, schema_cells="shared")
    assert outcomes(rows) == {"awaiting_llm": 3 * len(IDS)}
    rows = ask_as_twins(asked, recorded=recorded, mode=mode, schema_cells="spelt_out")
    assert outcomes(rows)["answered"] >= 2 * len(IDS)


@both_ways
def test_what_waits_in_a_batch_of_the_other_version_is_waited_for(
    runs: Runs, first: SchemaCells, then: SchemaCells
) -> None:
    """A cell in a batch is paid for already, whichever way its schema is written."""
    runs(*jobs(2), settings={"mode": "batch", "schema_cells": first})
    rows = runs(*jobs(2), settings={"mode": "live", "schema_cells": then})
    assert outcomes(rows) == {"awaiting_llm": 2 * len(IDS)}
    assert {row["reason_code"] for row in rows} == {"in_batch"}
    assert runs.server.count == 0
    runs.server.batches.end_when_looked_at(2)
    rows = runs(*jobs(2), settings={**BATCH, "schema_cells": then})
    assert outcomes(rows) == {"answered": 2 * len(IDS)}
    assert versions() == {"1" if first == "spelt_out" else "2": 2}
    check_ledger()


@both_ways
def test_what_failed_in_a_batch_of_the_other_version_is_asked(
    runs: Runs, first: SchemaCells, then: SchemaCells
) -> None:
    """Once the batch has ended without an answer the cell is open, and asked as the run asks."""
    runs.server.rates = {"422": 1.0}
    runs(*jobs(2), settings={"mode": "batch", "schema_cells": first})
    runs.server.rates = {}
    runs.server.script("422", "422")
    runs.server.batches.end_when_looked_at(1)
    runs(*jobs(2), settings={"schema_cells": then})
    rows = runs(*jobs(2), settings={"schema_cells": then})
    assert outcomes(rows) == {"answered": 2 * len(IDS)}
    check_ledger()


@both_ways
def test_a_refusal_of_the_other_version_counts_as_its_own(
    runs: Runs, first: SchemaCells, then: SchemaCells
) -> None:
    """It is not asked again, unless that is what the settings say; then the newer one counts."""
    runs.server.script("refusal")
    runs(*jobs(1), settings={"schema_cells": first})
    rows = runs(*jobs(1), settings={"schema_cells": then})
    assert (runs.asked, outcomes(rows)) == ([], {"refused": len(IDS)})
    rows = runs(*jobs(1), settings={"schema_cells": then, "reask_refused": True})
    assert (len(runs.asked), outcomes(rows)) == (1, {"answered": len(IDS)})
    # The first version has a refusal only, and the other one's answer is better than that.
    for mode in ("live", "off"):
        rows = runs(*jobs(1), settings={"mode": mode, "schema_cells": first})
        assert (runs.asked, outcomes(rows)) == ([], {"answered": len(IDS)})


def on(evidence: str) -> ImputationRequest:
    """A request that shows this evidence."""
    return request(known=[("Excel", evidence)])


@both_ways
def test_stale_answers_of_the_other_version_are_asked_again_where_that_is_set(
    runs: Runs, first: SchemaCells, then: SchemaCells
) -> None:
    """Once: afterwards the newer answer is fresh for both, and is given where none comes."""
    runs(on("weak"), settings={"schema_cells": first})
    rows = runs(on("strong"), settings={"schema_cells": then})
    assert (runs.asked, {row["is_stale"] for row in rows}) == ([], {True})
    runs.server.script("refusal")
    rows = runs(on("strong"), settings={"schema_cells": then, "reask_stale": True})
    assert len(runs.asked) == 1
    assert outcomes(rows) == {"answered": len(IDS)}
    assert {row["is_stale"] for row in rows} == {True}
    again = {"reask_stale": True, "reask_refused": True}
    rows = runs(on("strong"), settings={"schema_cells": then, **again})
    assert (len(runs.asked), {row["is_stale"] for row in rows}) == (1, {None})
    for cells in (first, then):
        rows = runs(on("strong"), settings={"schema_cells": cells, "reask_stale": True})
        assert (runs.asked, {row["is_stale"] for row in rows}) == ([], {False})


def test_nothing_is_looked_up_where_there_is_no_other_version(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger of one version is asked once whether it has the other, and no cell of it is."""
    asked: list[int] = []
    otherwise = Keyer.otherwise

    def counted(self: Keyer, keyed: Any, names: Any) -> Any:
        names = list(names)
        asked.append(len(names))
        return otherwise(self, keyed, names)

    monkeypatch.setattr(Keyer, "otherwise", counted)
    runs(*jobs(20))
    for mode in ("live", "plan", "off", "replay"):
        runs(*jobs(30), settings={"mode": mode, "max_calls": 0})
    assert asked == []
    # With answers of both, only what has none is looked up.
    runs(*jobs(22), settings={"schema_cells": "shared"})
    asked.clear()
    runs(*jobs(25), settings={"mode": "off"})
    assert sum(asked) == 5 * len(IDS)


def test_a_shared_cell_that_somebody_changed_is_no_answer(runs: Runs) -> None:
    """An answer of the other version is checked like any of the ledger's."""
    runs(*jobs(1))
    with open_ledger(read_only=True) as ledger:
        file = ledger.stats().location
    with sqlite3.connect(file) as connection:
        connection.execute("update answer set value = '99' where attribute_id = 'reading'")
    connection.close()
    rows = runs(*jobs(1), settings={"schema_cells": "shared"})
    assert runs.asked == []
    assert outcomes(rows) == {"answered": len(IDS) - 1, "failed": 1}
