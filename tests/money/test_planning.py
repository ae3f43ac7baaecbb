"""A plan prices what would be asked, with no call."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from jobforge.budget import Caps
from jobforge.errors import SettingsError
from jobforge.estimates import Calibration
from jobforge.planning import Planner, RateLimits, RequestPlan, request_size, usd
from jobforge.prices import FREE, ModelPrice
from jobforge.prompts import messages
from support.builders import ATTRIBUTES, IDS, PACK, jobs, request

PRICE = ModelPrice("m", Decimal("2.5"), Decimal("1.25"), Decimal(10), Decimal("0.5"))


def planner(price: ModelPrice | None = PRICE, **more: Any) -> Planner:
    return Planner("m", price, max_output_tokens=4096, **more)


def planned(one: Planner, *ids: str) -> RequestPlan:
    plan = one.plan(request(), PACK, ids or IDS)
    assert plan is not None
    return plan


def test_the_shares_of_a_requests_cells_add_up_to_it() -> None:
    """Calls, tokens and money of the cells are those of the call."""
    plan = planned(planner())
    share = plan.share()
    assert share.estimated_calls * plan.cells == pytest.approx(1)
    assert share.estimated_input_tokens * plan.cells == pytest.approx(plan.estimated.prompt_tokens)
    assert plan.cost_usd is not None
    assert share.estimated_cost_usd is not None
    assert share.estimated_cost_usd * plan.cells == pytest.approx(float(plan.cost_usd))


def test_the_size_is_that_of_the_messages_that_are_sent() -> None:
    """What is counted is what goes over the wire, byte for byte."""
    system, user = messages(request(), PACK)
    size = request_size(request(), PACK, ATTRIBUTES)
    assert size.system == len(system["content"].encode())
    assert size.user == len(user["content"].encode())
    fewer = request_size(request(), PACK, ATTRIBUTES[:2])
    assert fewer.system == size.system
    assert fewer.user < size.user
    assert fewer.schema < size.schema


def test_cells_that_the_ledger_answers_cost_nothing() -> None:
    """Nothing left to ask is no call; fewer cells are cheaper."""
    one = planner()
    assert one.plan(request(), PACK, ()) is None
    assert one.calls == 0
    whole, part = planned(one), planned(one, IDS[0])
    assert (part.cost_usd or 0) < (whole.cost_usd or 0)
    assert one.cells == len(IDS) + 1
    assert one.cost_usd == (whole.cost_usd or 0) + (part.cost_usd or 0)


def test_the_expected_cost_is_below_the_most_that_a_request_can_cost() -> None:
    """The cap is checked against a bound, the plan tells what is likely."""
    one = planner()
    plan = planned(one)
    assert plan.cost_usd is not None
    assert plan.cost_usd < one.highest_request_cost


def test_earlier_calls_correct_the_plan() -> None:
    """Twice the tokens for the same texts are twice the price."""
    plain = planned(planner())
    learnt = planned(planner(calibration=Calibration(2.0, 2.0, calls=40)))
    assert learnt.estimated.tokens == pytest.approx(2 * plain.estimated.tokens, abs=2)
    cached = planned(planner(calibration=Calibration(cached_share=0.8, calls=40)))
    assert (cached.cost_usd or 0) < (plain.cost_usd or 0)


def test_a_plan_says_what_batches_would_cost() -> None:
    """Half the price of live requests, beside it; nothing where there is no discount."""
    one = planner()
    planned(one)
    assert one.batch_cost_usd * 2 == one.cost_usd
    assert "with llm_mode: batch" in summary(one)
    none = planner(price=replace(PRICE, batch_discount=Decimal(0)))
    planned(none)
    assert "llm_mode: batch" not in summary(none)


def summary(one: Planner, caps: Caps | None = None, limits: RateLimits | None = None) -> str:
    return "\n".join(one.summary(caps or Caps(), limits or RateLimits()))


def test_the_summary_says_cells_calls_tokens_price_and_time() -> None:
    """What the user agrees to is in five lines."""
    one = planner()
    for asked in jobs(90):
        one.plan(asked, PACK, IDS)
    text = summary(one, limits=RateLimits(30, 1_000_000))
    assert "450 cells in 90 calls to m; no call was made" in text
    assert f"{one.estimated.prompt_tokens:,} in" in text
    assert f"price: {one.cost_usd:,.2f} USD" in text
    assert "time: about 3 min" in text
    assert "caps: all of it fits" in text
    assert "llm_requests_per_minute" in summary(one)


@pytest.mark.parametrize(
    ("caps", "name"),
    [
        (Caps(max_calls=9), "llm_max_calls (9)"),
        (Caps(max_tokens=10_000), "llm_max_tokens (10,000)"),
        (Caps(max_cost_usd=Decimal("0.01")), "llm_max_cost_usd (0.01)"),
    ],
)
def test_the_summary_says_which_cap_would_end_the_run(caps: Caps, name: str) -> None:
    """A plan above a cap names it and how far it reaches."""
    one = planner()
    for asked in jobs(90):
        one.plan(asked, PACK, IDS)
    assert name in summary(one, caps)
    assert "one run stops after about" in summary(one, caps)


def test_a_model_without_a_price_is_planned_without_one() -> None:
    """Unknown is said as unknown, free as free, and nothing as nothing."""
    assert "nothing is to be asked" in summary(planner())
    unknown = planner(None)
    assert planned(unknown).share().estimated_cost_usd is None
    assert "price: not known" in summary(unknown)
    local = planner(FREE)
    planned(local)
    assert "price: nothing: a server on this machine" in summary(local)


def test_a_limit_below_one_is_a_settings_error() -> None:
    """A typing error in a limit is found before any call."""
    with pytest.raises(SettingsError, match="llm_tokens_per_minute"):
        RateLimits(tokens_per_minute=0)


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "0.00 USD"), ("1234.5", "1,234.50 USD"), ("0.01", "0.01 USD"),
     ("0.00123", "0.0012 USD"), ("0.0000071", "0.0000071 USD")],
)  # fmt: skip
def test_small_amounts_keep_two_digits(amount: str, text: str) -> None:
    """A cell's price does not read as nothing."""
    assert usd(Decimal(amount)) == text
