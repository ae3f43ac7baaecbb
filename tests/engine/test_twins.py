"""Twins asked of several models: the same requests, each model's own answers, one budget."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from jobforge.errors import SettingsError
from jobforge.evaluation.twins import ask_twins, ways_of
from jobforge.settings import Settings
from support.builders import (
    IDS,
    PACK,
    jobs,
    packs_table,
    prices_table,
    recorded_table,
    requests_table,
)
from support.loopback_server import LoopbackServer

from engine.runs import LIVE, check_ledger

MODELS = ["first", "second"]
PRICES = {model: {"input": 100, "output": 400, "batch_discount": 0} for model in MODELS}


def ask(budget: object, **settings: Any) -> list[dict[str, Any]]:
    """Ask both models for two jobs' cells."""
    given = {**{f"llm_{name}": value for name, value in settings.items()}}
    of_run = Settings.from_config(
        {"llm_mode": "live", "llm_prices": PRICES, "llm_max_calls": 100, **given}
    )
    rows: list[dict[str, Any]] = (
        ask_twins(
            ways_of(MODELS, of_run),
            packs_table(PACK),
            lambda: requests_table(*jobs(2)),
            recorded_table(),
            prices_table(),
            budget=budget,
            run_id="run-backtest",
            log=lambda line: None,
        )
        .read_all()
        .to_pylist()
    )
    return rows


def counts(rows: list[dict[str, Any]]) -> dict[tuple[str, str], int]:
    """How many cells of each model ended how."""
    found: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row["asked_model"], row["outcome"])
        found[key] = found.get(key, 0) + 1
    return found


def test_each_model_has_answers_of_its_own(live_server: LoopbackServer) -> None:
    """Paid once, and given again to a run that asks nobody, to each model its own."""
    live_server.model = None
    cells = 2 * len(IDS)
    answered = {("first", "answered"): cells, ("second", "answered"): cells}
    assert counts(ask(100)) == answered
    assert live_server.count == 4
    for mode in ("live", "off"):
        rows = ask(100, mode=mode)
        assert counts(rows) == answered
        assert all(row["model_used"] == row["asked_model"] for row in rows)
    assert live_server.count == 4
    check_ledger()


@pytest.mark.parametrize(("budget", "batches"), [(1000, 2), (4.5, 1)])
def test_what_a_batch_may_cost_is_gone_for_the_next_model(
    live_server: LoopbackServer, budget: float, batches: int
) -> None:
    """One that has not ended counts at its worst, though no attempt in the ledger tells of it."""
    rows = ask(budget, mode="batch")
    assert live_server.batches.calls["create"] == batches
    refused = {row["asked_model"] for row in rows if row["reason_code"] == "too_large_cost"}
    assert refused == set(MODELS[batches:])


def test_what_nobody_told_the_cost_of_is_gone_for_the_next_model(
    live_server: LoopbackServer,
) -> None:
    """A reply without usage counts at its worst for the models after it, too."""
    live_server.usage_details = {"prompt_tokens": None}
    rows = ask(4.5, max_in_flight=1)
    assert live_server.count == 2
    refused = {row["asked_model"] for row in rows if row["reason_code"] == "too_large_cost"}
    assert refused == {"second"}


def test_a_list_of_models_that_is_none_is_refused() -> None:
    """A name alone, a number or nothing readable is no list; an empty one is the run's own way."""
    for given in ("gpt", '"gpt"', "3", [1], [""], [{}], [{"model": 1}], [{"temperature": "1"}]):
        with pytest.raises(SettingsError, match="backtest_models"):
            ways_of(given, LIVE)
    with pytest.raises(SettingsError, match="llm_rationale"):
        ways_of([{"rationale": "amid"}], LIVE)
    assert ways_of("[]", LIVE) == ways_of([], LIVE) == ways_of(None, LIVE) == [LIVE]
    assert [way.model for way in ways_of('["a", "b", "a"]', LIVE)] == ["a", "b"]


def test_a_way_may_name_the_place_of_the_reason() -> None:
    """What it leaves out is the run's; ways that are the same are one."""
    ways = ways_of([LIVE.model, {"rationale": "none"}, {"model": "b"}, "b"], LIVE)
    assert [(way.model, way.rationale) for way in ways] == [
        (LIVE.model, "before"),
        (LIVE.model, "none"),
        ("b", "before"),
    ]


def test_twins_are_asked_in_a_mode_of_their_own() -> None:
    """Where the run asks nobody its twins can be asked; a mode that is none says whose it is."""
    run = replace(LIVE, mode="off")
    assert run.of_backtest(1, "live").mode == "live"
    assert run.of_backtest(1, "").mode == run.of_backtest(1, None).mode == "off"
    assert run.of_backtest(0, "live").mode == "off"
    with pytest.raises(SettingsError, match="backtest_mode is 'on'"):
        run.of_backtest(1, "on")
