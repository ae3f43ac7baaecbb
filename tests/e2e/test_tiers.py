"""Tiers: a second model for the cells that the first one is not to be trusted with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.loopback_server import LoopbackServer

from e2e.runs import Run, Warehouse
from e2e.test_backtest import ALL, MEASURED, Models, job_data, models_of

FIRST, SECOND = "follower", "perfect"
BOUND = 0.7
TIERED = {
    "llm_mode": "live",
    "llm_max_calls": 10_000,
    "llm_tiers": [{"model": FIRST}, {"model": SECOND, "below": BOUND}],
    "backtest_cells": 150,
    "backtest_max_cost_usd": 1,
    "llm_logprobs": True,
}
CELLS = "main_intermediate."
GOLD = (
    "select * exclude (dbt_invocation_id) from main.gold_job_attribute_provenance"
    " where source_type = 'LLM' order by all"
)
LIKELY = (
    f"select count(*), count(answer_probability) from {CELLS}int_llm_values"
    f" join {CELLS}int_attributes using (attribute_number)"
    f" left join {CELLS}int_second_tier_probabilities"
    " using (job_number, attribute_number, model_used, imputed_at)"
    " where tier = 2 and value_type <> 'number'"
)
Cell = tuple[str, str]


@dataclass
class Heard:
    """What each model was asked, of cells and of twins: how often each cell of them."""

    models: Models
    asked: dict[str, Counter[Cell]] = field(
        default_factory=lambda: {FIRST: Counter(), SECOND: Counter()}
    )

    def __call__(self, body: dict[str, Any]) -> dict[str, Any]:
        cells = self.models(body)
        title = job_data(body)["job"]["title"]
        self.asked[body["model"]].update((title, name) for name in cells)
        return cells


@dataclass
class Built:
    """A build with tiers and the one after it."""

    warehouse: Warehouse
    run: Run
    asked: dict[str, Counter[Cell]]
    asked_again: int
    likely: list[tuple[Any, ...]]
    gold: list[tuple[Any, ...]]
    gold_again: list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def built(copy_of_demo: Callable[..., Warehouse]) -> Built:
    """Backtest and tiers in one build, and a second build of the same."""
    warehouse = copy_of_demo("tiers", **TIERED)
    heard = Heard(models_of(warehouse))
    listed: dict[str, Any] = {"gives_logprobs": True, "chances": heard.models.chances}
    with LoopbackServer(answer=heard, model=None, **listed) as server:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-e2e-tiers"}
        run = warehouse.dbt(*ALL, env=env).ok()
        count = server.count
        asked = {model: Counter(cells) for model, cells in heard.asked.items()}
        gold, likely = warehouse.query(GOLD), warehouse.query(LIKELY)
        warehouse.dbt(*MEASURED, "int_second_tier_answers+", env=env).ok()
        again = server.count - count
    return Built(warehouse, run, asked, again, likely, gold, warehouse.query(GOLD))


def test_exactly_the_cells_below_the_bound_are_asked_of_the_second_model(built: Built) -> None:
    """By the measured confidence of the first one's answer, not by what it states or is unknown."""
    rows = built.warehouse.query(
        "select job_title, attribute_id, measured_confidence"
        f" from {CELLS}int_first_tier_values"
        f" join {CELLS}int_first_tier_measurements using (value_id)"
        f" join {CELLS}int_jobs using (job_number)"
        f" join {CELLS}int_attributes using (attribute_number)"
        " where not is_superseded"
    )
    below = Counter(
        (title, name) for title, name, sure in rows if sure is not None and sure < BOUND
    )
    assert below
    assert any(sure is None for *_, sure in rows)
    assert any(sure is not None and sure >= BOUND for *_, sure in rows)
    twins = Counter(
        built.warehouse.query(
            f"select job_title, attribute_id from {CELLS}int_twin_cells"
            f" join {CELLS}int_jobs using (job_number)"
            f" join {CELLS}int_attributes using (attribute_number)"
        )
    )
    assert built.asked[SECOND] == below + twins
    assert built.asked[FIRST] == Counter((title, name) for title, name, _ in rows) + twins


def test_the_second_answer_wins_and_the_first_is_kept(built: Built) -> None:
    """Both are candidates of the cell, one of them wins, and gold shows that one."""
    candidates = built.warehouse.query(
        "select job_id, attribute_id, list(model_used order by candidate_rank),"
        " list(is_winner order by candidate_rank)"
        " from main.gold_job_attribute_provenance where source_type = 'LLM'"
        " group by all"
    )
    doubted = set(
        built.warehouse.query(
            f"select job_id, attribute_id from {CELLS}int_second_tier_answers"
            " where outcome = 'answered'"
        )
    )
    assert doubted
    for job, attribute, models, wins in candidates:
        expected = [SECOND, FIRST] if (job, attribute) in doubted else [FIRST]
        assert models == expected
        assert wins == [True, False][: len(models)]
    shown = built.warehouse.query(
        "select job_id, attribute_id, model_used from main.gold_job_attributes"
        " where source_type = 'LLM'"
    )
    assert {(job, attribute) for job, attribute, model in shown if model == SECOND} == doubted
    assert {model for *_, model in shown} == {FIRST, SECOND}


def test_both_tiers_are_measured_as_one_estimator(built: Built) -> None:
    """Twin by twin what a cell would get, and better than the first model alone."""
    twins = built.warehouse.dicts(
        "select first.*, second.estimated_value as second_value,"
        " second.estimated_number as second_number, map.measured_confidence,"
        " tiers.estimated_value as tiers_value, tiers.estimated_number as tiers_number"
        f" from {CELLS}int_backtest_estimates as first"
        f" join {CELLS}int_backtest_estimates as second"
        f" using (twin_number, attribute_number, estimator)"
        f" left join {CELLS}int_confidence_map as map on map.feature = 'stated'"
        " and (map.source_gap, map.domain, map.value_type, map.model_used)"
        " = (first.masked_gap, first.domain, first.value_type, first.model_used)"
        " and map.held_out_fold = first.fold"
        " and map.step = round(first.stated_confidence * 20)"
        f" join {CELLS}int_tier_estimates as tiers using (twin_number, attribute_number)"
        f" where estimator = 'llm' and first.model_used = '{FIRST}'"
        f" and second.model_used = '{SECOND}'"
    )
    assert len(twins) == built.warehouse.one(f"select count(*) from {CELLS}int_twin_cells")
    went = 0
    for twin in twins:
        sure = None if twin["value_type"] == "text" else twin["measured_confidence"]
        goes = sure is not None and sure < BOUND
        went += goes
        of = "second" if goes else "estimated"
        assert twin["tiers_value"] == twin[f"{of}_value"]
        assert twin["tiers_number"] == twin[f"{of}_number"]
    assert 0 < went < len(twins)
    accuracy = built.warehouse.dicts(
        "select tiers.*, llm.mae as first_mae, llm.exact as first_exact, llm.cells as first_cells,"
        " llm.best_baseline as first_baseline"
        " from main.gold_imputation_accuracy as tiers"
        " join main.gold_imputation_accuracy as llm using (source_gap, domain, value_type)"
        f" where tiers.estimator = 'tiers' and llm.estimator = 'llm' and llm.model_used = '{FIRST}'"
    )
    strata = "select count(*) from main.gold_imputation_accuracy where estimator = 'llm'"
    assert len(accuracy) == built.warehouse.one(f"{strata} and model_used = '{FIRST}'")
    for row in accuracy:
        assert row["model_used"] == f"{FIRST} + {SECOND}"
        assert row["cells"] == row["first_cells"]
        assert row["best_baseline"] == row["first_baseline"] != "tiers"
        assert row["exact"] >= row["first_exact"]
        assert row["mae"] is None or row["mae"] <= row["first_mae"]
    assert any(not row["is_thin"] and row["mae"] < row["first_mae"] - 0.1 for row in accuracy)
    assert any(f" {FIRST} + {SECOND} is off by " in line for line in built.run.lines)


def test_a_second_build_asks_nothing(built: Built) -> None:
    """What both models said is in the ledger, and the bound is where it was."""
    assert built.asked_again == 0
    again = built.warehouse.query(
        f"select outcome, count(*) from {CELLS}int_second_tier_answers group by 1"
    )
    assert [outcome for outcome, _ in again] == ["answered"]


def test_what_the_second_tier_found_probable_is_known_in_the_same_build(built: Built) -> None:
    """So that its measured confidence is the same in the next one."""
    ((cells, known),) = built.likely
    assert cells == known > 0
    assert built.gold_again == built.gold


def test_a_plan_prices_both_tiers(built: Built, place: Path) -> None:
    """What the first one is unsure of in full; what it has yet to answer by the twins' share."""
    prices = {FIRST: {"input": 1, "output": 4}, "noisy": {"input": 10, "output": 40}}
    tiers = [{"model": FIRST}, {"model": "noisy", "below": BOUND}]
    planned = built.warehouse.copy_to(
        place / "tiers_planned", llm_mode="plan", llm_tiers=tiers, llm_prices=prices
    )
    planned.query(
        "insert into main_demo.demo_jobs (job_id, job_title) values ('ZZ-9', 'Financial manager')"
    )
    env = {"JOBFORGE_LEDGER": str(built.warehouse.ledger)}
    run = planned.dbt("run", "--select", "int_jobs_checked+", env=env).ok()
    assert any("second tier at most: LLM plan: " in line for line in run.lines)
    of_kind = "(source_gap, domain, value_type)"
    shares = dict(
        planned.query(f"select {of_kind}, avg(is_below::int) from {CELLS}int_twin_tiers group by 1")
    )
    rows = planned.query(
        f"select second.attribute_id, source_gap, {of_kind}, first.outcome,"
        " second.estimated_cost_usd"
        f" from {CELLS}int_second_tier_answers as second"
        f" join {CELLS}int_llm_imputed_attributes as first using (job_id, attribute_id)"
        f" join {CELLS}int_source_gaps using (job_id, attribute_id)"
        f" join {CELLS}int_attributes as attributes using (attribute_id)"
        " where second.estimated_calls > 0"
    )
    expected: dict[Cell, float] = {}
    weights = set()
    for attribute, gap, kind, outcome, cost in rows:
        weight = 1.0 if outcome == "answered" else shares.get(kind, 0)
        weights.add((outcome, weight))
        if weight:
            expected[attribute, gap] = expected.get((attribute, gap), 0) + weight * cost
    assert ("answered", 1) in weights
    assert any(outcome == "awaiting_llm" and 0 < weight < 1 for outcome, weight in weights)
    plan = "select attribute_id, source_gap, estimated_cost_usd from main.gold_imputation_plan"
    found = {(name, gap): cost for name, gap, cost in planned.query(f"{plan} where tier = 2")}
    assert found == pytest.approx(expected, abs=1e-8)
    first = "select sum(cells) from main.gold_imputation_plan where tier = 1"
    waiting = f"select count(*) from {CELLS}int_llm_imputed_attributes where outcome <> 'answered'"
    assert planned.one(first) == planned.one(f"{waiting} and job_id = 'ZZ-9'") > 0


def test_without_a_backtest_tiers_are_refused(copy_of_demo: Callable[..., Warehouse]) -> None:
    """Before any call, with what to do."""
    warehouse = copy_of_demo("tiers_refused", **{**TIERED, "backtest_cells": 0})
    with LoopbackServer(answer=models_of(warehouse), model=None) as server:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-e2e-tiers"}
        run = warehouse.dbt("run", "--select", "llm_imputed_attributes+", env=env)
        assert server.count == 0
    assert run.code == 1
    assert "llm_tiers needs a backtest, which measures where follower is not to be" in run.output
    assert "set backtest_cells (such as 200) and backtest_max_cost_usd" in run.output
