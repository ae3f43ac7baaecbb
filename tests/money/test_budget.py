"""No cap is exceeded, whatever the order in which replies come."""

from __future__ import annotations

import random
import threading
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from jobforge.errors import SettingsError
from jobforge.money.budget import Budget, Denied, Reservation
from jobforge.money.prices import ModelPrice, Usage
from jobforge.reasons import ReasonCode
from jobforge.requests.estimates import Estimate
from jobforge.settings import Settings

PRICE = ModelPrice("m", Decimal("2.5"), Decimal("1.25"), Decimal(10))
NO_CAPS = Settings(max_cost_usd=None, max_calls=None, max_tokens=None)


def bound(prompt: int, completion: int) -> Estimate:
    return Estimate(0, 0, largest_prompt_tokens=prompt, largest_completion_tokens=completion)


def reserved(budget: Budget, worst: Estimate) -> Reservation:
    given = budget.reserve(worst)
    assert isinstance(given, Reservation), given
    return given


def denied(budget: Budget, worst: Estimate) -> Denied:
    given = budget.reserve(worst)
    assert isinstance(given, Denied), given
    return given


class AnyOrder(RuleBasedStateMachine):
    """Requests are sent, answered, lost and given up in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.caps = Settings(max_cost_usd=Decimal("0.05"), max_calls=12, max_tokens=9000)
        self.budget = Budget(self.caps, PRICE)
        self.open: list[Reservation] = []
        self.calls = self.tokens = 0
        self.cost = Decimal(0)

    @rule(prompt=st.integers(0, 4000), completion=st.integers(0, 1500))
    def send(self, prompt: int, completion: int) -> None:
        given = self.budget.reserve(bound(prompt, completion))
        if isinstance(given, Reservation):
            self.open.append(given)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def reply(self, data: st.DataObject) -> None:
        taken = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        prompt = data.draw(st.integers(0, taken.worst_case.prompt_tokens))
        usage = Usage(
            prompt,
            data.draw(st.integers(0, taken.worst_case.completion_tokens)),
            data.draw(st.integers(0, prompt)),
        )
        cost = self.budget.charge(taken, usage)
        assert cost == PRICE.cost(usage)
        self.calls += 1
        self.tokens += usage.tokens
        self.cost += PRICE.cost(usage)

    @precondition(lambda self: self.open)
    @rule()
    def lose(self) -> None:
        taken = self.open.pop()
        self.budget.charge(taken, None)
        self.calls += 1
        self.tokens += taken.worst_case.tokens
        self.cost += taken.highest_cost

    @precondition(lambda self: self.open)
    @rule()
    def give_up(self) -> None:
        self.budget.cancel(self.open.pop(0))

    @invariant()
    def nothing_spent_or_reserved_is_over_a_cap(self) -> None:
        spent, flying = self.budget.spent, self.budget.in_flight
        assert (spent.calls, spent.usage.tokens, spent.cost_usd) == (
            self.calls,
            self.tokens,
            self.cost,
        )
        assert flying.calls == len(self.open)
        assert spent.calls + flying.calls <= (self.caps.max_calls or 0)
        assert spent.usage.tokens + flying.usage.tokens <= (self.caps.max_tokens or 0)
        assert (spent.cost_usd or 0) + (flying.cost_usd or 0) <= (self.caps.max_cost_usd or 0)

    @invariant()
    def a_denial_that_may_pass_passes_once_nothing_flies(self) -> None:
        given = self.budget.reserve(bound(100, 10))
        if isinstance(given, Reservation):
            self.budget.cancel(given)
        elif given.passing:
            assert self.open


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@given(cap=st.decimals("0", "0.5", places=4), worst=st.integers(1, 40_000))
def test_a_run_stops_before_its_last_cent_is_exceeded(cap: Decimal, worst: int) -> None:
    """Requests that cost their worst case are sent as long as one more fits, and no longer."""
    budget = Budget(Settings(max_cost_usd=cap, max_calls=None), PRICE)
    each = bound(worst, worst // 10)
    usage = Usage(worst, worst // 10)
    sent = 0
    while isinstance(given := budget.reserve(each), Reservation) and sent < 500:
        budget.charge(given, usage)
        sent += 1
    if sent < 500:
        assert PRICE.cost(usage) * sent <= cap < PRICE.cost(usage) * (sent + 1)


def test_each_cap_names_its_var() -> None:
    """A denial says which var to raise, and a cap in money what is left of it."""
    for caps, says in (
        (
            Settings(max_calls=1),
            "the cap of 1 calls was reached: raise llm_max_calls to ask for more",
        ),
        (
            Settings(max_tokens=3000),
            "the cap of 3000 tokens was reached (900 tokens left, and",
        ),
        (
            Settings(max_cost_usd=Decimal("0.007")),
            "the cap of 0.007 USD was reached (0.0010 USD left",
        ),
    ):
        budget = Budget(caps, PRICE)
        budget.charge(reserved(budget, bound(2000, 100)), Usage(2000, 100))
        answer = denied(budget, bound(2000, 100))
        assert answer.reason.text.startswith(says)
        assert not answer.passing
        assert not answer.too_large


def test_what_is_set_aside_is_not_called_left() -> None:
    """Where worst cases are in the way, a denial tells them from what nobody needs."""
    budget = Budget(Settings(max_cost_usd=Decimal("0.01"), max_tokens=None), PRICE)
    reserved(budget, bound(2000, 100))
    assert "(0.0040 USD left beside 0.0060 set aside, and the next request could cost 0.0060)" in (
        denied(budget, bound(2000, 100)).reason.text
    )


def test_a_request_that_no_empty_budget_lets_through_is_too_large() -> None:
    """It is told from a spent cap, also while others are in flight; a cap of 0 is no measure."""
    for caps, name, code in (
        (Settings(max_tokens=2500), "llm_max_tokens", ReasonCode.TOO_LARGE_TOKENS),
        (
            Settings(max_cost_usd=Decimal("0.008")),
            "llm_max_cost_usd",
            ReasonCode.TOO_LARGE_COST,
        ),
    ):
        budget = Budget(caps, PRICE)
        reserved(budget, bound(2000, 100))
        answer = denied(budget, bound(3000, 100))
        assert answer.too_large
        assert not answer.passing
        assert f"raise {name} to ask for it" in answer.reason.text
        assert answer.reason.code is code
        assert denied(budget, bound(2000, 100)).passing
    for nothing in (
        Settings(max_tokens=0),
        Settings(max_cost_usd=Decimal(0)),
        Settings(max_calls=0),
    ):
        assert not denied(Budget(nothing, PRICE), bound(3000, 100)).too_large


def test_a_cap_that_is_used_up_closes_whatever_is_too_large() -> None:
    """A request that exceeds one cap does not hide that nothing is left of another."""
    budget = Budget(Settings(max_calls=1, max_tokens=1000), PRICE)
    budget.charge(reserved(budget, bound(10, 0)), Usage(10, 0))
    answer = denied(budget, bound(2000, 0))
    assert "llm_max_calls" in answer.reason.text
    assert not answer.too_large


def test_what_is_in_flight_only_delays_a_request() -> None:
    """A request that fits once the replies are there is not turned away for good."""
    budget = Budget(Settings(max_calls=None, max_tokens=1000), PRICE)
    first = reserved(budget, bound(600, 100))
    assert denied(budget, bound(600, 100)).passing
    budget.charge(first, Usage(200, 10))
    second = reserved(budget, bound(600, 100))
    budget.charge(second, Usage(600, 100))
    assert not denied(budget, bound(600, 100)).passing


def test_a_cap_that_is_used_up_is_named_before_one_that_only_delays() -> None:
    """Where one cap is final and another passes, the final one is the reason."""
    budget = Budget(Settings(max_calls=1, max_cost_usd=Decimal("0.004")), PRICE)
    budget.charge(reserved(budget, bound(10, 0)), Usage(10, 0))
    answer = denied(budget, bound(10, 0))
    assert "llm_max_calls" in answer.reason.text
    assert not answer.passing


def test_a_lost_request_counts_at_its_worst_and_an_unsent_one_not_at_all() -> None:
    """Nobody knows what a broken connection cost; what was never sent cost nothing."""
    budget = Budget(NO_CAPS, PRICE)
    budget.cancel(reserved(budget, bound(1000, 100)))
    assert budget.spent.calls == 0
    assert budget.charge(reserved(budget, bound(1000, 100)), None) == Decimal("0.0035")
    assert budget.spent.usage == Usage(1000, 100)
    assert budget.charge(reserved(budget, bound(1000, 100)), Usage()) == 0
    assert budget.spent.calls == 2


def test_without_a_price_calls_and_tokens_are_capped_and_cost_is_unknown() -> None:
    """A waived price never reads as a cost of zero."""
    budget = Budget(Settings(max_cost_usd=Decimal(0), max_calls=1), None)
    assert budget.charge(reserved(budget, bound(10**9, 10**9)), Usage(5, 5)) is None
    assert budget.spent.cost_usd is None
    assert "llm_max_calls" in denied(budget, bound(1, 1)).reason.text


def test_more_than_the_worst_case_stops_everything_that_would_follow() -> None:
    """A server that counts more than a request has bytes is paid, and no further one is sent."""
    budget = Budget(Settings(max_tokens=1000), PRICE)
    budget.charge(reserved(budget, bound(400, 100)), Usage(900, 200))
    assert budget.spent.usage.tokens == 1100
    assert not denied(budget, bound(1, 0)).passing


def test_a_reservation_ends_once() -> None:
    """Counting one request twice is a fault of the program, not of the run."""
    budget = Budget(NO_CAPS, PRICE)
    taken = reserved(budget, bound(1, 1))
    budget.cancel(taken)
    with pytest.raises(ValueError, match="ended already"):
        budget.charge(taken, Usage())


def test_many_threads_never_exceed_a_cap_together() -> None:
    """The check and the reservation are one step."""
    budget = Budget(Settings(max_cost_usd=Decimal("0.2"), max_calls=90), PRICE)
    over: list[object] = []

    def send(seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(200):
            given = budget.reserve(bound(dice.randint(1, 3000), dice.randint(0, 200)))
            if isinstance(given, Denied):
                continue
            spent, flying = budget.spent, budget.in_flight
            if spent.calls + flying.calls > 90:
                over.append(spent)
            budget.charge(given, Usage(given.worst_case.prompt_tokens, 0))

    threads = [threading.Thread(target=send, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not over
    assert budget.spent.calls <= 90
    assert (budget.spent.cost_usd or 0) <= Decimal("0.2")
    assert budget.in_flight.calls == 0


@pytest.mark.parametrize(
    "caps",
    [{"max_cost_usd": Decimal(-1)}, {"max_cost_usd": Decimal("NaN")}, {"max_calls": -1}],
)
def test_a_cap_below_nothing_is_a_settings_error(caps: dict[str, Decimal]) -> None:
    """A typing error in a cap is found before any call."""
    with pytest.raises(SettingsError, match="llm_max"):
        Settings(**caps)  # type: ignore[arg-type]
