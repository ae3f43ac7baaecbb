"""Two tiers of one run: the second has what the first one left of the caps."""

from __future__ import annotations

from typing import Any

import pytest
from jobforge.errors import SettingsError
from jobforge.evaluation.tiers import Tiers, ask_second_tier, first_tier
from jobforge.pipeline import impute
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

from engine.runs import Rows, check_ledger, codes, outcomes

TIERS = Tiers("cheap", "dear", 0.7)
PRICES = {model: {"input": 100, "output": 400, "batch_discount": 0} for model in TIERS.models}
ALL = {"answered": 2 * len(IDS)}


@pytest.fixture(autouse=True)
def any_model(live_server: LoopbackServer) -> None:
    """The server is whichever model is asked for."""
    live_server.model = None


def both(
    *, run_id: str = "run", is_measured: bool = True, said: list[str] | None = None, **given: Any
) -> tuple[Rows, Rows]:
    """Ask the first model and then the second one for the cells of two jobs."""
    named = {f"llm_{name}": value for name, value in given.items()}
    base = {"llm_mode": "live", "llm_prices": PRICES, "llm_max_cost_usd": 1000}
    settings = Settings.from_config({**base, **named})
    of_first, recorded_of_first = first_tier(TIERS, settings, recorded_table())
    log = (said if said is not None else []).append
    first = impute(
        packs_table(PACK),
        requests_table(*jobs(2)),
        recorded_of_first,
        prices_table(),
        of_first,
        invocation_id=run_id,
        log=log,
        of_any_model=False,
    )
    rows = first.read_all().to_pylist()
    second = ask_second_tier(
        TIERS,
        packs_table(PACK),
        requests_table(*jobs(2)),
        recorded_table(),
        prices_table(),
        settings,
        is_measured=is_measured,
        invocation_id=run_id,
        log=log,
    )
    return rows, second.read_all().to_pylist()


def test_each_tier_has_answers_of_its_own(live_server: LoopbackServer) -> None:
    """Both are paid for once, and a run that asks nobody gives each its own again."""
    for mode in ("live", "live", "off", "replay"):
        for model, rows in zip(TIERS.models, both(mode=mode), strict=True):
            assert outcomes(rows) == ALL
            assert {row["model_used"] for row in rows} == {model}
    assert live_server.count == 4
    check_ledger()


def test_the_calls_of_both_tiers_are_capped_together(live_server: LoopbackServer) -> None:
    """Of three calls the first one takes two; the next run has three again."""
    first, second = both(max_calls=3, max_in_flight=1)
    assert outcomes(first) == ALL
    assert outcomes(second) == {"answered": len(IDS), "awaiting_llm": len(IDS)}
    assert codes(second) == {"cap_calls"}
    assert live_server.count == 3
    assert outcomes(both(max_calls=3, run_id="the next")[1]) == ALL
    check_ledger()


def test_tokens_and_money_of_both_tiers_are_capped_together(live_server: LoopbackServer) -> None:
    """A reply that nobody told the usage of counts at its worst for the second tier, too."""
    live_server.usage_details = {"prompt_tokens": None}
    first, second = both(max_cost_usd=4.5, max_in_flight=1)
    assert outcomes(first) == ALL
    assert codes(second) == {"cap_cost"}
    assert live_server.count == 2
    # What is known is counted as it is, so that more is left.
    live_server.usage_details = {}
    assert outcomes(both(max_cost_usd=4.5, run_id="the next")[1]) == ALL
    check_ledger()


def test_what_the_first_tier_took_of_the_tokens_is_gone(live_server: LoopbackServer) -> None:
    """Whatever a model costs."""
    live_server.usage_details = {"prompt_tokens": 9_000}
    first, second = both(max_tokens=20_000, max_in_flight=1)
    assert outcomes(first) == ALL
    assert codes(second) == {"cap_tokens"}
    assert live_server.count == 2


def test_a_batch_of_the_first_tier_counts_at_its_worst(live_server: LoopbackServer) -> None:
    """Until it has ended; for who only collects it, it counts nothing."""
    first, second = both(mode="batch", max_cost_usd=4.5)
    assert codes(first) == {"in_batch"}
    assert codes(second) == {"cap_cost"}
    assert live_server.batches.calls["create"] == 1
    live_server.batches.end()
    first, second = both(mode="batch", max_cost_usd=4.5, run_id="the next")
    assert outcomes(first) == ALL
    assert codes(second) == {"in_batch"}
    assert live_server.batches.calls["create"] == 2


def test_a_model_that_nobody_measured_is_no_first_tier(live_server: LoopbackServer) -> None:
    """The second one is not asked, and the run says what to do; what was answered is kept."""
    for mode in ("live", "replay"):
        with pytest.raises(SettingsError, match=r"no answer of cheap has been measured: set .*"):
            both(mode=mode, is_measured=False)
    assert {one.body["model"] for one in live_server.asked} == {"cheap"}


def test_a_run_that_need_not_know_goes_on(live_server: LoopbackServer) -> None:
    """A plan prices the first tier and says why not the second; batches of twins have to end."""
    for mode, says in (
        ("plan", "not priced, for no answer of cheap has been measured yet"),
        ("batch", "no answer of cheap has been measured yet: it is asked once the batches"),
    ):
        said: list[str] = []
        both(mode=mode, is_measured=False, said=said)
        assert any(line.startswith(f"second tier: {says}") for line in said)
    assert outcomes(both(mode="off", is_measured=False)[1]) == {"awaiting_llm": 2 * len(IDS)}
    assert live_server.batches.calls["create"] == 1


def test_a_plan_has_the_second_tier_apart(live_server: LoopbackServer) -> None:
    """At the second model's price, as the most that it can come to."""
    said: list[str] = []
    dear = {**PRICES, "dear": {"input": 1000, "output": 4000}}
    first, second = both(mode="plan", said=said, prices=dear)
    cost = [sum(row["estimated_cost_usd"] for row in rows) for rows in (first, second)]
    assert cost[1] == pytest.approx(10 * cost[0])
    (line,) = [line for line in said if line.startswith("second tier at most: LLM plan")]
    assert line.startswith(
        f"second tier at most: LLM plan: {2 * len(IDS)} cells in 2 calls to dear"
    )
    assert live_server.count == 0
