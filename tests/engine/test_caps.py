"""What one run may send and spend, and that the next one goes on where it ended."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from jobforge.batch import asker
from support.builders import IDS, jobs, request
from support.loopback_server import LoopbackServer
from support.waiting import HANG_SECONDS

from engine.runs import Runs, cells_asked, check_ledger, ledger_attempts, outcomes, reasons

# Dear enough for a run of a few requests to reach a cap of a dollar, replies cached or not.
PRICES = json.dumps({"asked-model": {"input": 100, "cached_input": 10, "output": 400}})


@pytest.fixture
def runs(live_server: LoopbackServer) -> Runs:
    """Runs against a server in which all goes well."""
    return Runs(live_server)


def _spent(run_id: str) -> dict[str, Any]:
    attempts = ledger_attempts(run_id)
    return {
        "max_calls": len(attempts),
        "max_tokens": sum(one["prompt_tokens"] + one["completion_tokens"] for one in attempts),
        "max_cost_usd": sum(Decimal(str(one["cost_usd"])) for one in attempts),
    }


@pytest.mark.parametrize("max_in_flight", [1, 16])
@pytest.mark.parametrize(
    ("name", "cap"), [("max_calls", 4), ("max_tokens", 7_000), ("max_cost_usd", Decimal(1))]
)
def test_a_cap_holds_and_the_next_run_goes_on(
    runs: Runs, name: str, cap: Any, max_in_flight: int
) -> None:
    """No run spends more than its cap; each one brings the whole nearer, and nothing twice."""
    settings = {
        "prices": PRICES,
        "max_cost_usd": Decimal(1000),
        "max_output_tokens": 256,
        "max_in_flight": max_in_flight,
        name: cap,
    }
    answered = 0
    for number in range(1, 20):
        rows = runs(*jobs(10), settings=settings)
        assert 0 < _spent(f"run-{number}")[name] <= cap
        found = outcomes(rows)
        assert found["answered"] == answered + len(runs.asked) * len(IDS)
        answered = found["answered"]
        if "awaiting_llm" not in found:
            break
        assert found["awaiting_llm"] == 10 * len(IDS) - answered
        assert all(f"llm_{name}" in reason and "cap" in reason for reason in reasons(rows))
    assert number > 1
    assert answered == 10 * len(IDS)
    assert set(cells_asked(runs.server.asked).values()) == {1}
    check_ledger()


@pytest.mark.parametrize(
    ("name", "cap"), [("max_calls", 0), ("max_tokens", 100), ("max_cost_usd", Decimal("0.0001"))]
)
def test_a_cap_below_the_first_request_sends_nothing(runs: Runs, name: str, cap: Any) -> None:
    """A request that could exceed the cap by itself is not sent."""
    rows = runs(*jobs(3), settings={"prices": PRICES, "max_cost_usd": Decimal(9), name: cap})
    assert runs.asked == []
    assert outcomes(rows) == {"awaiting_llm": 3 * len(IDS)}
    assert all(f"llm_{name}" in reason for reason in reasons(rows))


@pytest.mark.parametrize(
    ("mode", "wait"),
    [("live", 0), ("batch", 0), ("batch", HANG_SECONDS)],
    ids=["live", "batch", "waiting"],
)
def test_a_request_that_is_too_large_holds_up_no_other(
    runs: Runs, mode: Any, wait: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its cells wait and name the cap; the others are asked, in this run or the next ones."""
    monkeypatch.setattr(asker, "_FIRST_WAIT_SECONDS", 0.05)
    runs.server.batches.end_when_looked_at()
    asked = jobs(6)
    asked[1] = request(asked[1].job, known=[(f"k{n}", "v" * 200) for n in range(500)])
    settings = {
        "mode": mode,
        "batch_wait_seconds": wait,
        "max_output_tokens": 256,
        # More than each of the others takes at its worst, less than the large one.
        "max_tokens": 9_000,
        "max_in_flight": 2,
    }
    for _ in range(7):
        rows = runs(*asked, settings=settings)
    assert outcomes(rows) == {"answered": 5 * len(IDS), "awaiting_llm": len(IDS)}
    waiting = [row for row in rows if row["outcome"] == "awaiting_llm"]
    assert {row["job_id"] for row in waiting} == {"j2"}
    assert reasons(waiting) == {
        "the request alone could exceed the cap of 9000 tokens: raise llm_max_tokens to ask for it"
    }
    check_ledger()


def test_what_is_asked_again_counts(runs: Runs) -> None:
    """Retries and follow-ups are calls: a cap of three lets no fourth request out."""
    runs.server.rates = {"bad_json": 0.5, "500=0.01": 0.3}
    rows = runs(*jobs(5), settings={"max_calls": 3})
    assert len(runs.asked) == 3
    assert sum(outcomes(rows).values()) == 5 * len(IDS)
    assert outcomes(rows)["awaiting_llm"] >= 2 * len(IDS)


def test_answers_of_the_ledger_cost_nothing(runs: Runs) -> None:
    """With everything in the ledger, a cap of nothing is enough."""
    runs(*jobs(3))
    rows = runs(*jobs(3), settings={"max_calls": 0, "max_cost_usd": Decimal(0), "max_tokens": 0})
    assert outcomes(rows) == {"answered": 3 * len(IDS)}


def test_an_unknown_usage_counts_at_its_worst(runs: Runs) -> None:
    """A request whose reply is lost may have cost all that it could: the cap takes it so."""
    runs.server.rates = {"reset": 1.0}
    cap = Decimal(2)
    rows = runs(
        *jobs(3), settings={"prices": PRICES, "max_output_tokens": 256, "max_cost_usd": cap}
    )
    # A token is a byte at least.
    prompts = [sum(len(one["content"]) for one in asked.messages) for asked in runs.asked]
    worst = sum(prompts) * Decimal(100) / 10**6 + len(prompts) * 256 * Decimal(400) / 10**6
    assert 0 < worst <= cap
    assert any("llm_max_cost_usd" in reason for reason in reasons(rows))
