"""A plan prices what would be asked, with no call."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from jobforge.errors import SettingsError
from jobforge.money.budget import Budget, Denied
from jobforge.money.calibration import Calibration
from jobforge.money.plan import Planner, RequestPlan
from jobforge.money.prices import FREE, ModelPrice, Usage, usd
from jobforge.requests.forms import PackForms
from jobforge.settings import Settings
from support.builders import IDS, PACK, jobs, request

PRICE = ModelPrice("m", Decimal("2.5"), Decimal("1.25"), Decimal(10), Decimal("0.5"))


FORMS = PackForms(PACK, parameters={}, largest_completion_tokens=4096)


def planner(price: ModelPrice | None = PRICE, calibration: Calibration | None = None) -> Planner:
    return Planner("m", price, calibration)


def planned(one: Planner, *ids: str) -> RequestPlan:
    asked = replace(request(), attribute_ids=ids or IDS)
    return one.plan(len(asked.attribute_ids), FORMS.form(asked).estimate)


def test_the_shares_of_a_requests_cells_add_up_to_it() -> None:
    """Calls, tokens and money of the cells are those of the call."""
    plan = planned(planner())
    share = plan.share()
    assert share.estimated_calls * plan.cells == pytest.approx(1)
    assert share.estimated_input_tokens * plan.cells == pytest.approx(plan.estimated.prompt_tokens)
    assert plan.cost_usd is not None
    assert share.estimated_cost_usd is not None
    assert share.estimated_cost_usd * plan.cells == pytest.approx(float(plan.cost_usd))


def test_cells_that_the_ledger_answers_cost_nothing() -> None:
    """Nothing left to ask is no call; fewer cells are cheaper."""
    one = planner()
    assert summary(one) == "LLM plan: nothing is to be asked"
    whole, part = planned(one), planned(one, IDS[0])
    assert (part.cost_usd or 0) < (whole.cost_usd or 0)
    assert one.cells == len(IDS) + 1
    assert one.cost_usd == (whole.cost_usd or 0) + (part.cost_usd or 0)


def test_the_expected_cost_is_below_the_most_that_a_request_can_cost() -> None:
    """The cap is checked against a bound, the plan tells what is likely."""
    bound = FORMS.form(request()).estimate
    most = Usage(bound.largest_prompt_tokens, bound.largest_completion_tokens)
    cost = planned(planner()).cost_usd
    assert cost is not None
    assert cost < PRICE.highest_cost(most)


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


def summary(one: Planner, settings: Settings | None = None) -> str:
    return "\n".join(one.summary(settings or Settings()))


def test_the_summary_says_cells_calls_tokens_price_and_time() -> None:
    """What the user agrees to is in five lines."""
    one = planner()
    for asked in jobs(90):
        one.plan(len(IDS), FORMS.form(asked).estimate)
    text = summary(one, Settings(requests_per_minute=30, tokens_per_minute=1_000_000))
    assert "450 cells in 90 calls to m; no call was made" in text
    assert f"{one.estimated.prompt_tokens:,} in" in text
    assert f"price: {one.cost_usd:,.2f} USD" in text
    assert "time: about 3 min" in text
    assert "caps: all of it fits" in text
    assert "llm_requests_per_minute" in summary(one)


@pytest.mark.parametrize(
    ("caps", "name"),
    [
        (Settings(max_calls=9), "llm_max_calls (9)"),
        (Settings(max_tokens=10_000), "llm_max_tokens (10,000)"),
        (Settings(max_cost_usd=Decimal("0.06")), "llm_max_cost_usd (0.06)"),
    ],
)
def test_the_summary_says_which_cap_would_end_the_run(caps: Settings, name: str) -> None:
    """A plan above a cap names it and how far it reaches."""
    one = planner()
    for asked in jobs(90):
        one.plan(len(IDS), FORMS.form(asked).estimate)
    assert name in summary(one, caps)
    assert "one run stops after about" in summary(one, caps)


def sent(caps: Settings, *, batch: bool) -> int:
    """How many of ninety requests a budget lets through that take what is expected."""
    budget = Budget(caps, PRICE, batch=batch)
    for number, asked in enumerate(jobs(90)):
        estimate = FORMS.form(asked).estimate
        given = budget.reserve(estimate)
        if isinstance(given, Denied):
            return number
        if not batch:
            budget.charge(given, Usage(estimate.prompt_tokens, estimate.completion_tokens))
    return 90


@pytest.mark.parametrize(
    "caps",
    [
        *(Settings(max_cost_usd=Decimal(cents) / 100) for cents in (4, 5, 6, 10, 15, 20, 30, 500)),
        *(Settings(max_tokens=tokens) for tokens in (4_000, 6_000, 20_000, 60_000, 10**6)),
        *(Settings(max_calls=calls, max_cost_usd=Decimal(1)) for calls in (0, 1, 40, 90)),
    ],
)
def test_the_plan_reaches_as_far_as_a_budget_does(caps: Settings) -> None:
    """The share it names is what is sent, of live runs and of batches; else all of it, or none."""
    one = planner()
    for asked in jobs(90):
        one.plan(len(IDS), FORMS.form(asked).estimate)
    text = summary(one, caps).splitlines()[-1]
    live, batched = sent(caps, batch=False), sent(caps, batch=True)
    found = re.search(r"one run stops after about (\d+)%", text)
    said = int(found[1]) if found else 0 if "nothing can be sent" in text else 100
    assert said == pytest.approx(100 * live / 90, abs=1.2)
    assert ("all of it fits" in text) == (live == 90)
    found = re.search(r"with llm_mode: batch one run sends at once about (\d+)% of it", text)
    assert (int(found[1]) if found else said) == pytest.approx(100 * batched / 90, abs=1.2)


def test_the_plan_names_the_cap_that_no_request_fits_in() -> None:
    """Where nothing could be sent it says so, and what one request can take."""
    one = planner()
    planned(one)
    bound = FORMS.form(request()).estimate
    tokens = bound.largest_prompt_tokens + bound.largest_completion_tokens
    says = f"at llm_max_tokens (100): one request can take {tokens:,} tokens at its worst"
    assert f"caps: nothing can be sent, {says}" in summary(one, Settings(max_tokens=100))
    text = summary(one, Settings(max_cost_usd=Decimal("0.01")))
    assert "caps: nothing can be sent, at llm_max_cost_usd (0.01): one request can take 0.0" in text
    assert "caps: nothing can be sent, at llm_max_calls (0)" in summary(one, Settings(max_calls=0))


def test_the_plan_says_which_requests_are_too_large() -> None:
    """A request whose worst case exceeds a cap is not sent, and the others are."""
    one = planner()
    planned(one)
    fits = FORMS.form(request()).estimate
    long = request(job=replace(request().job, title="Clerk " * 100))
    one.plan(len(IDS), FORMS.form(long).estimate)
    cap = fits.largest_prompt_tokens + fits.largest_completion_tokens
    text = summary(one, Settings(max_tokens=cap))
    assert f"requests that can take more than llm_max_tokens ({cap:,}) are not sent" in text
    assert f"{cap:,} tokens at its worst" not in text


def test_a_model_without_a_price_is_planned_without_one() -> None:
    """Unknown is said as unknown, free as free, and nothing as nothing."""
    assert "nothing is to be asked" in summary(planner())
    unknown = planner(None)
    assert planned(unknown).share().estimated_cost_usd is None
    assert unknown.nothing.estimated_cost_usd is None
    assert "price: not known" in summary(unknown)
    local = planner(FREE)
    planned(local)
    assert "price: nothing: a server on this machine" in summary(local)
    own = planner(replace(FREE, model="m", source="llm_prices"))
    planned(own)
    assert "price: nothing: llm_prices has it as free" in summary(own)


def test_a_limit_below_one_is_a_settings_error() -> None:
    """A typing error in a limit is found before any call."""
    with pytest.raises(SettingsError, match="llm_tokens_per_minute"):
        Settings(tokens_per_minute=0)


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "0.00 USD"), ("1234.5", "1,234.50 USD"), ("0.01", "0.01 USD"),
     ("0.00123", "0.0012 USD"), ("0.0000071", "0.0000071 USD")],
)  # fmt: skip
def test_small_amounts_keep_two_digits(amount: str, text: str) -> None:
    """A cell's price does not read as nothing."""
    assert usd(Decimal(amount)) == text
