"""The backtest: known cells, asked as missing ones are, by models whose skill is known."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from math import floor
from pathlib import Path
from typing import Any

import pytest
from support.loopback_server import LoopbackServer, instance_of

from e2e.runs import ROOT, Run, Warehouse
from e2e.scenes import wait_until
from e2e.test_interruptions import press_ctrl_c

ACCURACY = "main.gold_imputation_accuracy"
TWINS = "main_intermediate.int_twin_cells"
CELLS = 150
SKILLS = ("perfect", "biased", "noisy", "constant", "overconfident", "follower")
LIVE = {
    "llm_mode": "live",
    "llm_model": "perfect",
    "llm_max_calls": 10_000,
    "backtest_cells": CELLS,
    "backtest_max_cost_usd": 1,
}
Truth = dict[tuple[str, str], Any]


def truths(warehouse: Warehouse) -> Truth:
    """Return what is true of each known cell, by the job's title and the attribute."""
    rows = warehouse.query(
        "select job_title, attribute_id, value_number, value_boolean, value"
        " from main.gold_job_attributes join main_intermediate.int_jobs using (job_id)"
        " where fill_status in ('authoritative', 'onet')"
    )
    return {
        (title, attribute): next(one for one in (number, boolean, text) if one is not None)
        for title, attribute, number, boolean, text in rows
    }


def chance(*of: str) -> float:
    """A number from 0 to below 1, the same for the same texts in every run."""
    return int(sha256("\n".join(of).encode()).hexdigest()[:8], 16) / 2**32


@dataclass(frozen=True)
class Models:
    """Models that know the truth, and say what their skill lets them; the rest they make up.

    Which of them answers goes by the name that is asked for. `perfect` says what is true, `biased`
    one more, `noisy` is off by one in half of the cells, `constant` says the same of everything,
    `overconfident` is right in half of the cells and sure in all, and `follower` is right and says
    so where the comparable jobs that it is shown agree, and wrong and says so elsewhere.
    """

    truth: Truth
    scales: dict[str, tuple[float, float]]

    def said(self, model: str, title: str, name: str, true: float, agree: bool = True) -> int:
        """What a model says of a number."""
        low, high = self.scales[name]
        said = floor(true + 0.5)
        drawn = chance(model, title, name)
        if model == "biased":
            said += 1
        elif model == "noisy" and drawn < 0.5:
            said += 1 if drawn < 0.25 else -1
        elif model == "constant":
            said = floor((low + high) / 2)
        elif (model == "overconfident" and drawn < 0.5) or (model == "follower" and not agree):
            # Further than any tolerance.
            far = 1 if high - low <= 10 else 50
            said += far if said + far <= high else -far
        return int(min(high, max(low, said)))

    def knows(self, model: str, title: str, name: str, agree: bool) -> bool:
        """Whether a model is right about what is no number."""
        if model in ("perfect", "biased"):
            return True
        return agree if model == "follower" else chance(model, title, name) >= 0.5

    def chances(
        self, body: dict[str, Any], cells: dict[str, Any]
    ) -> dict[str, dict[str, float]] | None:
        """How probable the tokens of an answer are, of the models whose tokens are listed."""
        if body["model"] not in ("overconfident", "perfect"):
            return None
        title = job_data(body)["job"]["title"]
        found = {}
        for name, cell in cells.items():
            said, true = cell["value"], self.truth.get((title, name))
            true = floor(true + 0.5) if isinstance(true, float) else true
            if body["model"] == "overconfident" and true is not None:
                # A text that is no value takes the rest, as it does before a schema forbids it.
                share = {said: 0.55} | {true: 0.35} if said != true else {said: 0.9}
                found[name] = {json.dumps(one): 0.7 * chance for one, chance in share.items()}
                found[name]["nothing"] = 0.3
        return found

    def __call__(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer a request in its schema."""
        schema = body["response_format"]["json_schema"]["schema"]
        model = body["model"]
        data = job_data(body)
        title = data["job"]["title"]
        cells: dict[str, Any] = instance_of(schema, json.dumps(body["messages"]))
        if "organisation_typical_team_size" in cells:
            cells["organisation_typical_team_size"]["value"] = 12
        for name, cell in cells.items():
            true = self.truth.get((title, name))
            shown = data.get("comparable_values", {}).get(name, [])
            agree = len({value.rsplit(": ", 1)[1] for value in shown}) == 1
            if isinstance(true, float):
                cell["value"] = self.said(model, title, name, true, agree)
            elif true is not None and self.knows(model, title, name, agree):
                cell["value"] = true
            elif true is not None:
                cell["value"] = another(schema, name, true)
            if model == "overconfident":
                cell["confidence"] = 95
            elif model == "follower":
                cell["confidence"] = 90 if agree else 30
        return cells


def job_data(body: dict[str, Any]) -> dict[str, Any]:
    """What a request says of its job."""
    (text,) = re.findall(r"<job_data>\n(.*)\n</job_data>", body["messages"][1]["content"])
    data: dict[str, Any] = json.loads(text)
    return data


def another(schema: dict[str, Any], name: str, true: Any) -> Any:
    """A value of the attribute that is not the true one."""
    if isinstance(true, bool):
        return not true
    choices = schema["properties"][name]["properties"]["value"].get("enum", [])
    return next((one for one in choices if one != true), f"not {true}")


def models_of(warehouse: Warehouse) -> Models:
    """Return models that know the truths of this warehouse."""
    scales = warehouse.query(
        "select attribute_id, coalesce(scale_minimum, 0), coalesce(scale_maximum, 1000)"
        " from main_intermediate.int_attributes"
    )
    return Models(truths(warehouse), {name: (low, high) for name, low, high in scales})


ALL = ("build", "--exclude-resource-type", "unit_test", "--select", "int_twin_cells+")
MEASURED = ("run", "--select", "int_twin_cells+,+gold_imputation_accuracy")


def backtest(
    warehouse: Warehouse, model: Models, command: tuple[str, ...] = MEASURED, **vars: Any
) -> tuple[LoopbackServer, Run]:
    """Build from the twins on, with that model as the server, which is stopped then."""
    listed: dict[str, Any] = {"gives_logprobs": True, "chances": model.chances}
    with LoopbackServer(answer=model, model=None, **listed) as server:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-e2e-backtest"}
        return server, warehouse.dbt(*command, vars=vars, env=env).ok()


@pytest.fixture(scope="module")
def perfect_run(copy_of_demo: Callable[..., Warehouse]) -> tuple[Warehouse, Run]:
    """A backtest of models of known skill, the perfect one filling the cells, and its run."""
    warehouse = copy_of_demo("perfect", **LIVE, backtest_models=list(SKILLS), llm_logprobs=True)
    return warehouse, backtest(warehouse, models_of(warehouse), ALL)[1]


@pytest.fixture(scope="module")
def perfect(perfect_run: tuple[Warehouse, Run]) -> Warehouse:
    """The warehouse of that run."""
    return perfect_run[0]


def test_every_gap_that_there_is_has_twins(perfect: Warehouse) -> None:
    """So many known cells for each gap as were asked for, none twice, and of one twin a gap."""
    counts = perfect.query(
        f"select masked_gap, count(*), count(distinct (job_number, attribute_number)) from {TWINS}"
        " group by 1 order by 1"
    )
    gaps = perfect.query(
        "select distinct source_gap from main_intermediate.int_source_gaps order by 1"
    )
    assert [gap for gap, *_ in counts] == [gap for (gap,) in gaps]
    assert len(counts) >= 3
    # Of some gaps there are fewer cells that can be hidden so.
    assert all(cells == different <= CELLS for _, cells, different in counts)
    assert max(cells for _, cells, _ in counts) == CELLS


def test_a_perfect_model_has_no_error(perfect: Warehouse) -> None:
    """Every figure says so, with its interval."""
    rows = perfect.dicts(
        f"select * from {ACCURACY} where model_used = 'perfect' and estimator = 'llm'"
    )
    assert sum(row["cells"] for row in rows) == perfect.one(f"select count(*) from {TWINS}")
    for row in rows:
        assert row["exact"] == row["exact_low"] == row["exact_high"] == 1
        assert row["is_thin"] is (row["cells"] < 30)
        if row["mae"] is not None:
            # Its answers are whole numbers, the truth may be 2.14.
            assert row["mae"] <= 0.5
            assert row["within_one"] == 1
        else:
            assert row["macro_f1"] == 1
            assert row["cohens_kappa"] in (1, None)
        if row["skill"] is not None and row["value_type"] == "category":
            assert row["skill"] == row["skill_low"] == row["skill_high"] == 1


def test_the_summary_says_what_the_answers_are_worth(perfect_run: tuple[Warehouse, Run]) -> None:
    """In plain words, beside the best baseline; what is too thin to decide anything says so."""
    lines = perfect_run[1].lines
    stratum = "backtest, job_without_unit_group, skills (rating): perfect "
    (said,) = [line for line in lines if stratum in line]
    assert "perfect is off by 0." in said
    assert " cells, better than " in said
    assert any("strata of fewer than 30 cells" in line for line in lines)


def test_the_baselines_are_what_the_same_jobs_give(perfect: Warehouse) -> None:
    """The nearest and the five nearest, reckoned anew from what the prompts show."""
    shown = perfect.query(
        """
        select comparable.job_number, comparable.attribute_number, comparable_rank, value_number
        from main_intermediate.int_comparable_jobs as comparable
        join main_intermediate.int_source_values using (precedence_rank, value_id)
        where value_number is not null and comparable.job_number in (
            select twin_number from main_intermediate.int_twin_cells)
        order by all
        """
    )
    values: dict[tuple[int, int], list[float]] = {}
    for twin, attribute, _, value in shown:
        values.setdefault((twin, attribute), []).append(value)
    found = perfect.query(
        "select estimator, twin_number, attribute_number, estimated_number"
        " from main_intermediate.int_backtest_estimates"
        " where true_number is not null and estimator in ('nearest', 'five_nearest')"
    )
    assert len(found) == 2 * len(values)
    for estimator, twin, attribute, estimate in found:
        of_cell = values[twin, attribute]
        expected = of_cell[0] if estimator == "nearest" else sum(of_cell[:5]) / len(of_cell[:5])
        assert estimate == pytest.approx(expected)


def test_twins_stay_apart_from_the_cells(perfect: Warehouse, demo: Warehouse) -> None:
    """No candidate, no cell and no request for what is missing is another for the backtest."""
    for table, texts in (
        ("main.gold_job_attribute_provenance", "job_id, attribute_id, candidate_rank, dataset"),
        ("main.gold_job_attributes", "job_id, attribute_id, source_record is null"),
        ("main_intermediate.int_llm_imputed_attributes", "job_id, attribute_id, question_key"),
        (
            "main_intermediate.int_imputation_requests where masked_gap is null",
            "request_order, job_id, pack_id, attribute_ids, known_attributes, comparable_jobs",
        ),
    ):
        query = f"select {texts} from {table} order by all"
        if "provenance" in table:
            query = query.replace("order by", "where dataset <> 'LLM' order by")
        elif table.endswith("gold_job_attributes"):
            query = query.replace(", source_record is null", "")
        assert perfect.query(query) == demo.query(query), table
    assert (
        perfect.one("select count(*) from main.gold_job_attributes where job_id like 'twin %'") == 0
    )


@pytest.mark.parametrize("model", ["biased", "noisy", "constant", "overconfident"])
def test_a_model_s_error_is_recovered(perfect: Warehouse, model: str) -> None:
    """Its error and bias are those of what it said, and what it would say of all is in reach."""
    said_by = models_of(perfect)
    rows = perfect.dicts(
        f"select * from {ACCURACY} where model_used = '{model}' and value_type = 'rating'"
        " and estimator = 'llm'"
    )
    for row in rows:
        cells = perfect.query(
            "select job_title, attribute_id, true_number"
            " from main_intermediate.int_backtest_cells"
            " join main_intermediate.int_attributes using (attribute_number, domain, value_type)"
            " join main_intermediate.int_jobs using (job_number)"
            " where (masked_gap, domain, value_type) = ($1, $2, 'rating')",
            row["source_gap"],
            row["domain"],
        )
        errors = [said_by.said(model, *cell) - cell[2] for cell in cells]
        assert row["cells"] == len(errors)
        assert row["bias"] == pytest.approx(sum(errors) / len(errors), abs=1e-6)
        assert row["mae"] == pytest.approx(sum(map(abs, errors)) / len(errors), abs=1e-6)
        assert row["bias_low"] <= row["bias"] <= row["bias_high"]
        if model == "biased" and row["cells"] >= 8:
            assert row["bias_low"] > 0
    assert any(row["cells"] >= 30 for row in rows)


def reliability(
    warehouse: Warehouse, model: str, feature: str = "stated"
) -> dict[float | None, dict[str, Any]]:
    """The rows of all strata of a model together, by stated confidence or another feature."""
    rows = warehouse.dicts(
        "select * from main.gold_imputation_reliability"
        f" where model_used = '{model}' and feature = '{feature}' and source_gap is null"
    )
    return {row["stated_confidence"]: row for row in rows}


def test_a_stated_confidence_is_mapped_to_what_is_measured(perfect: Warehouse) -> None:
    """One that is always sure is right in half; one that knows when it knows is believed."""
    sure = reliability(perfect, "overconfident")
    assert set(sure) == {None, 0.95}
    assert sure[0.95]["measured_confidence_low"] <= 0.5 <= sure[0.95]["measured_confidence_high"]
    assert sure[None]["stated_ece"] > 0.35
    assert sure[None]["measured_ece"] < 0.05
    assert sure[None]["measured_brier"] < sure[None]["stated_brier"]
    follower = reliability(perfect, "follower")
    assert set(follower) == {None, 0.3, 0.9}
    for stated, true in ((0.3, 0), (0.9, 1)):
        row = follower[stated]
        assert row["right_share"] == row["measured_confidence"] == true
        low, high = row["measured_confidence_low"], row["measured_confidence_high"]
        assert low <= true <= high
        # What was right in all of 50 cells may yet be wrong in the next.
        assert 0 < high - low < 0.2
    # What the model says of itself of the perfect one has nothing to do with it.
    assert reliability(perfect, "perfect")[None]["measured_brier"] == 0


def test_the_feature_that_tells_most_is_chosen(perfect: Warehouse) -> None:
    """Tokens that know when the model is wrong are believed, a confidence that never varies not."""
    of_all = {
        feature: reliability(perfect, "overconfident", feature)[None]
        for feature in ("stated", "probability", "both")
    }
    chosen = {feature: row["is_chosen"] for feature, row in of_all.items()}
    assert chosen == {"stated": False, "probability": True, "both": False}
    stated, probability = of_all["stated"], of_all["probability"]
    assert stated["compared_cells"] == probability["compared_cells"] >= 200
    assert stated["compared_brier"] > 0.2
    assert probability["compared_brier"] < 0.02
    assert probability["measured_brier"] < stated["measured_brier"]
    # It is 0.6 probable and always wrong.
    wrong = reliability(perfect, "overconfident", "probability")[0.6]
    assert wrong["right_share"] == wrong["measured_confidence"] == 0
    # Where all features say the same, and where no tokens are listed, what is stated counts.
    assert reliability(perfect, "perfect")[None]["is_chosen"]
    assert reliability(perfect, "perfect", "probability")[1.0]["right_share"] == 1
    noisy = reliability(perfect, "noisy")[None]
    assert (noisy["is_chosen"], noisy["compared_cells"]) == (True, None)
    assert reliability(perfect, "noisy", "probability") == {}


def test_the_mean_of_what_is_probable_is_an_estimate_of_its_own(perfect: Warehouse) -> None:
    """Beside the answer, and nearer to the truth where the tokens know of it; no baseline."""
    rows = perfect.dicts(
        "select expected.*, llm.mae as of_answer, llm.cells as answers,"
        " llm.best_baseline as of_llm"
        f" from {ACCURACY} as expected join {ACCURACY} as llm"
        " using (source_gap, domain, value_type, model_used, prompt_version)"
        " where (expected.estimator, llm.estimator) = ('llm_expected', 'llm')"
    )
    assert {(row["model_used"], row["value_type"]) for row in rows} == {
        ("overconfident", "rating"),
        ("perfect", "rating"),
    }
    for row in rows:
        assert row["cells"] == row["answers"]
        assert row["best_baseline"] == row["of_llm"] != "llm"
        if row["model_used"] == "perfect":
            assert row["mae"] == row["of_answer"]
        elif row["cells"] >= 30:
            assert row["mae"] < row["of_answer"]
    assert any(row["cells"] >= 30 for row in rows)


def test_answers_to_cells_have_their_probability(perfect: Warehouse) -> None:
    """Every rating, category and truth that the model fills, and no text."""
    counts = perfect.query(
        "select value_type in ('text', 'number'), count(*), count(answer_probability),"
        " min(answer_probability)"
        " from main_intermediate.int_llm_values"
        " join main_intermediate.int_attributes using (attribute_number)"
        " left join main_intermediate.int_answer_probabilities"
        " using (job_number, attribute_number, model_used, imputed_at)"
        " group by 1 order by 1"
    )
    (of_values, cells, known, least), (of_texts, _, none, _) = counts
    assert (of_values, of_texts) == (False, True)
    assert cells == known > 0
    assert least == 1
    assert none == 0


@pytest.mark.parametrize("model", SKILLS)
def test_an_interval_has_the_truth_in_it_as_often_as_it_says(
    perfect: Warehouse, model: str
) -> None:
    """Ninety in a hundred, on jobs that it was not fitted to, whatever the model's skill."""
    row = reliability(perfect, model)[None]
    assert row["interval_cells"] >= 200
    assert 0.88 <= row["interval_coverage"] <= 0.92


def test_gold_says_what_was_measured_of_the_cell_s_own_kind(perfect: Warehouse) -> None:
    """The figure of its gap, domain, type and stated confidence, and never the stated one."""
    rows = perfect.dicts(
        "select gold.*, map.measured_confidence as expected, scale_minimum, scale_maximum"
        " from main.gold_job_attributes as gold"
        " join main_intermediate.int_attributes as attributes using (attribute_id)"
        " join main_intermediate.int_source_gaps as gaps using (job_id, attribute_id)"
        " left join main_intermediate.int_confidence_map as map on"
        " (gaps.source_gap, gold.domain, gold.value_type, gold.model_used)"
        " = (map.source_gap, map.domain, map.value_type, map.model_used)"
        " and map.feature = 'stated' and map.held_out_fold is null"
        " and map.step = round(gold.stated_confidence * 20)"
        " where gold.source_type = 'LLM'"
    )
    assert {row["confidence_basis"] for row in rows} == {"backtest", "text"}
    for row in rows:
        assert 0 <= row["stated_confidence"] <= 1
        assert row["confidence"] == row["measured_confidence"] == row["expected"]
        assert (row["measured_confidence"] is None) is (row["confidence_basis"] == "text")
        if row["value_low"] is not None:
            assert row["scale_minimum"] <= row["value_low"] <= row["value_number"]
            assert row["value_number"] <= row["value_high"] <= row["scale_maximum"]
            # On a scale of whole steps the ends are steps.
            assert row["value_low"] == int(row["value_low"])
    assert any(row["value_low"] is not None for row in rows)


def test_without_a_budget_no_twin_is_asked(copy_of_demo: Callable[..., Warehouse]) -> None:
    """The baselines are measured; the model's row is not there, and nothing is spent on it."""
    warehouse = copy_of_demo("no_budget", **LIVE)
    model = models_of(warehouse)
    server, _ = backtest(warehouse, model, backtest_max_cost_usd=0)
    requests = "select count(*) from main_intermediate.int_imputation_requests"
    assert server.count == warehouse.one(f"{requests} where masked_gap is null")
    estimators = warehouse.query(f"select distinct estimator from {ACCURACY} order by 1")
    assert ("llm",) not in estimators
    assert ("five_nearest",) in estimators
    # With one they are bought, and nothing else is.
    paid, _ = backtest(warehouse, model)
    assert paid.count == warehouse.one(f"{requests} where masked_gap is not null")


def test_a_sample_stays_when_it_grows_and_when_jobs_are_added(
    copy_of_demo: Callable[..., Warehouse],
) -> None:
    """Twenty of a gap are among its forty, and one more job takes the place of few."""
    warehouse = copy_of_demo("samples")
    cells = f"select masked_gap, job_id, attribute_number from {TWINS} join"
    cells += " main_intermediate.int_jobs using (job_number)"

    def drawn(cells_per_gap: int, *more: str) -> set[tuple[Any, ...]]:
        command = ("run", "--select", *more, "int_twin_cells")
        warehouse.dbt(*command, vars={"backtest_cells": cells_per_gap}).ok()
        return set(warehouse.query(cells))

    few, many = drawn(20), drawn(40)
    assert few < many
    warehouse.query(
        "insert into main_demo.demo_jobs (job_id, job_title, unit_group)"
        " values ('ZZ-9', 'Financial manager', '10010')"
    )
    up = ("int_jobs_checked+", "--exclude", "int_title_tokens+")
    warehouse.dbt("run", "--select", *up, vars={"backtest_cells": 40}).ok()
    later = set(warehouse.query(cells))
    assert len(later - many) <= len(many) / 5
    assert {cell for cell in later - many if cell[1] != "ZZ-9"} == set()


def test_a_plan_prices_the_twins(copy_of_demo: Callable[..., Warehouse]) -> None:
    """Apart from the cells, with no call, and whatever the budget is."""
    warehouse = copy_of_demo("planned", **{**LIVE, "llm_mode": "plan", "backtest_max_cost_usd": 0})
    server, run = backtest(warehouse, models_of(warehouse))
    assert server.count == 0
    cells = warehouse.one(f"select count(*) from {TWINS}")
    calls = warehouse.one(
        "select count(*) from main_intermediate.int_imputation_requests"
        " where masked_gap is not null"
    )
    plan = f"backtest: LLM plan: {cells} cells in {calls} calls"
    assert any(plan in line for line in run.lines)
    planned = warehouse.one(
        "select sum(estimated_calls) from main_intermediate.int_backtest_answers"
    )
    assert planned == pytest.approx(calls)


def test_the_budget_of_the_backtest_is_its_own(copy_of_demo: Callable[..., Warehouse]) -> None:
    """What twins may cost bounds them alone: the cells are asked, the twins wait for money."""
    prices = {"the-model": {"input": 100, "output": 400}}
    warehouse = copy_of_demo("budget", **{**LIVE, "llm_model": "the-model"}, llm_prices=prices)
    capped = {"llm_max_cost_usd": 10_000, "backtest_max_cost_usd": 0.5}
    server, _ = backtest(warehouse, models_of(warehouse), **capped)
    outcomes = "select distinct outcome, reason_code from main_intermediate."
    assert warehouse.query(f"{outcomes}int_llm_imputed_attributes") == [("answered", None)]
    assert warehouse.query(f"{outcomes}int_backtest_answers") == [
        ("awaiting_llm", "too_large_cost")
    ]
    assert server.count > 0


def test_twins_are_bought_in_batches(copy_of_demo: Callable[..., Warehouse]) -> None:
    """As cells are: one run sends them, the next collects them, and nothing is sent twice."""
    warehouse = copy_of_demo("batches", **{**LIVE, "llm_mode": "batch", "backtest_cells": 20})
    answered = "select count(*) from main_intermediate.int_backtest_answers"
    answered += " where outcome = 'answered'"
    with LoopbackServer(answer=models_of(warehouse), model=None) as server:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-e2e-backtest"}
        warehouse.dbt(*MEASURED, env=env).ok()
        assert warehouse.one(answered) == 0
        server.batches.end()
        warehouse.dbt(*MEASURED, env=env).ok()
        assert server.batches.calls["create"] == 2
        assert {one.path for one in server.asked} == {"/v1/batches"}
    assert warehouse.one(answered) == warehouse.one(f"select count(*) from {TWINS}") > 0


def test_one_ctrl_c_stops_the_backtest(copy_of_demo: Callable[..., Warehouse]) -> None:
    """What is in flight ends, and no further twin is paid for."""
    warehouse = copy_of_demo("stopped", **LIVE, llm_max_in_flight=4)
    requests = "select count(*) from main_intermediate.int_imputation_requests"
    with LoopbackServer(answer=models_of(warehouse), model=None) as server:
        cells = warehouse.one(f"{requests} where masked_gap is null")
        server.hold(after=cells + 8)
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-e2e-backtest"}
        started = warehouse.start(*MEASURED, env=env)
        wait_until(lambda: server.count == cells + 8 + 4, started)
        press_ctrl_c(started)
        server.release()
        run = started.end()
    assert run.code == 2
    assert "Exited because of keyboard interrupt" in run.output
    assert (
        server.count
        == cells + 8 + 4
        < cells + warehouse.one(f"{requests} where masked_gap is not null")
    )


def test_a_recording_has_answers_to_twins(perfect: Warehouse, place: Path) -> None:
    """Without ledger and server the figures are those of the recorded answers."""
    warehouse = perfect.copy_to(place / "replayed", llm_mode="replay", backtest_max_cost_usd=0)
    assert not warehouse.ledger.exists()
    warehouse.query(
        "insert into main_demo.demo_llm_recorded_answers by name select question_key, job_id,"
        " attribute_id, value, confidence, rationale, model_requested, model_used,"
        " prompt_version, request_id, imputed_at"
        " from main_intermediate.llm_backtest_answers where outcome = 'answered'"
    )
    figures = (
        "select source_gap, domain, value_type, cells, mae, exact, skill"
        f" from {ACCURACY} where estimator = 'llm' order by all"
    )
    before = perfect.query(figures)
    assert before
    warehouse.dbt(*MEASURED).ok()
    assert warehouse.query(figures) == before


def test_the_demo_has_its_own_backtest_recorded(copy_of_demo: Callable[..., Warehouse]) -> None:
    """What `make build` runs shows how sure one may be of its model, which is half as sure."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert "{llm_mode: $(LLM_MODE), backtest_cells: 40}" in makefile
    warehouse = copy_of_demo("recorded", backtest_cells=40)
    run = warehouse.dbt("run", "--select", "int_twin_cells+").ok()
    outcomes = "select distinct outcome from main_intermediate.int_backtest_answers"
    assert warehouse.query(outcomes) == [("answered",)]
    gold = "from main.gold_job_attributes where source_type = 'LLM'"
    assert warehouse.query(f"select distinct confidence_basis {gold} order by 1") == [
        ("backtest",),
        ("no_twin",),
        ("text",),
    ]
    stated, measured = warehouse.query(
        f"select avg(stated_confidence), avg(measured_confidence) {gold}"
    )[0]
    assert stated - measured > 0.3
    assert any("model's values: right in " in line for line in run.lines)


@pytest.mark.parametrize("given", ["many", -1])
def test_a_number_of_cells_that_is_none_stops_the_run(
    copy_of_demo: Callable[..., Warehouse], given: object
) -> None:
    """It is not taken for no backtest."""
    warehouse = copy_of_demo(f"cells_{given}", backtest_cells=given)
    run = warehouse.dbt("run", "--select", "int_twin_cells")
    assert run.code == 2
    assert f"the var backtest_cells is `{given}`; it must be a whole number from 0" in run.output
