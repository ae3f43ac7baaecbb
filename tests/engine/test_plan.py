"""The plan: what a run would ask and cost, for nothing."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from support.builders import IDS, PACK, jobs
from support.loopback_server import LoopbackServer

from engine.runs import Rows, Runs, ledger_attempts, outcomes, reasons

PRICES = json.dumps({"asked-model": {"input": 2.5, "output": 10}})
PLAN = {"mode": "plan", "prices": PRICES}
SHARES = (
    "estimated_calls",
    "estimated_input_tokens",
    "estimated_output_tokens",
    "estimated_cost_usd",
)


@pytest.fixture
def runs(live_server: LoopbackServer) -> Runs:
    """Runs against a server in which all goes well."""
    return Runs(live_server)


def _sums(rows: Rows) -> list[float]:
    return [sum(row[name] or 0 for row in rows) for name in SHARES]


def test_a_plan_sends_nothing_and_writes_nothing(runs: Runs, ledger_file: object) -> None:
    """Every cell waits with its share, and there is no ledger after it."""
    rows = runs(*jobs(4), settings=PLAN)
    assert runs.server.count == 0
    assert not ledger_file.exists()  # type: ignore[attr-defined]
    assert outcomes(rows) == {"awaiting_llm": 4 * len(IDS)}
    assert all("llm_mode is plan" in reason for reason in reasons(rows))
    assert all(row[name] > 0 for row in rows for name in SHARES)


def test_the_shares_add_up_to_the_summary(runs: Runs) -> None:
    """The cells' shares of calls, tokens and money are the plan's own figures."""
    lines: list[str] = []
    rows = runs(*jobs(7), settings=PLAN, log=lines.append)
    said = "\n".join(lines)
    calls, tokens_in, tokens_out, cost = _sums(rows)
    assert calls == pytest.approx(7)
    assert f"{7 * len(IDS)} cells in 7 calls to asked-model; no call was made" in said
    assert f"{round(tokens_in):,} in, {round(tokens_out):,} out" in said
    found = re.search(r"price: ([\d.]+) USD", said)
    assert found
    assert float(found[1]) == pytest.approx(cost, abs=0.005)
    assert cost == pytest.approx((tokens_in * 2.5 + tokens_out * 10) / 1e6)


def test_only_what_would_be_asked_is_planned(runs: Runs) -> None:
    """What the ledger answers costs nothing; a live run then sends what was planned."""
    runs(*jobs(2))
    rows = runs(*jobs(5), settings=PLAN)
    assert runs.asked == []
    assert outcomes(rows) == {"answered": 2 * len(IDS), "awaiting_llm": 3 * len(IDS)}
    assert _sums(rows)[0] == pytest.approx(3)
    planned = {row["job_id"] for row in rows if row["estimated_calls"] is not None}
    assert planned == {"j3", "j4", "j5"}
    runs(*jobs(5))
    assert len(runs.asked) == 3


def test_a_plan_is_corrected_by_what_was_counted(runs: Runs) -> None:
    """After a run the plan of the like is nearer to the tokens that the server counts."""
    lines: list[str] = []
    uncorrected = _sums(runs(*jobs(20), settings=PLAN))
    runs(*jobs(20))
    counted = ledger_attempts("run-2")
    corrected = _sums(runs(*jobs(40)[20:], settings=PLAN, log=lines.append))
    for place, name in ((1, "prompt_tokens"), (2, "completion_tokens")):
        truth = sum(one[name] for one in counted)
        assert abs(corrected[place] - truth) < 0.7 * abs(uncorrected[place] - truth)
    assert "corrected by 20 earlier calls" in "\n".join(lines)


@pytest.mark.parametrize("fault", ["429", "500=0.01", "reset"])
def test_requests_that_were_turned_away_do_not_bend_a_plan(runs: Runs, fault: str) -> None:
    """A refusal by a limiter takes no tokens, and that says nothing of a request's tokens."""
    rates, runs.server.rates = runs.server.rates, {fault: 0.5}
    lines: list[str] = []
    runs(*jobs(20), log=lines.append)
    runs.server.rates = rates
    turned_away = [one for one in ledger_attempts("run-1") if one["status"] != "answered"]
    assert turned_away
    answered = [one for one in ledger_attempts("run-1") if one["status"] == "answered"]
    counted = sum(one["prompt_tokens"] for one in answered)
    estimated = sum(one["estimated_prompt_tokens"] for one in answered)
    assert f"estimate {estimated / counted - 1:+.0%} in" in lines[-1]
    planned = _sums(runs(*jobs(40)[20:], settings=PLAN))[1]
    assert planned / 20 == pytest.approx(counted / len(answered), rel=0.25)


def test_what_would_not_be_sent_is_not_planned(runs: Runs) -> None:
    """A job that holds what looks like a key has the outcome of a live run, and no share."""
    asked = jobs(3)
    secret = replace(asked[1].job, title="Keeper of sk-proj-Zx81kq0TTe4b7aQ2mN9s")
    asked[1] = replace(asked[1], job=secret)
    lines: list[str] = []
    rows = runs(*asked, settings=PLAN, log=lines.append)
    assert outcomes(rows) == {"awaiting_llm": 2 * len(IDS), "failed": len(IDS)}
    assert _sums(rows)[0] == pytest.approx(2)
    assert f"{2 * len(IDS)} cells in 2 calls" in "\n".join(lines)
    failed = {row["attribute_id"]: row for row in rows if row["outcome"] == "failed"}
    assert {row[name] for row in failed.values() for name in SHARES} == {None}
    for row in runs(*asked):
        if row["job_id"] == secret.job_id:
            planned = failed[row["attribute_id"]]
            assert (row["outcome"], row["reason"]) == (planned["outcome"], planned["reason"])


def test_a_plan_tells_what_would_be_asked_again(runs: Runs) -> None:
    """llm_reask_refused is part of the plan: refused cells are planned with it, and only then."""
    runs.server.script("refusal")
    runs(*jobs(1))
    assert _sums(runs(*jobs(1), settings=PLAN))[0] == 0
    assert _sums(runs(*jobs(1), settings={**PLAN, "reask_refused": True}))[0] == pytest.approx(1)


def test_a_plan_needs_no_key_and_no_price(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a connection or a price there is a plan all the same, its cost unknown."""
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")
    rows = runs(*jobs(2), settings={"mode": "plan"})
    assert _sums(rows)[0] == pytest.approx(2)
    assert {row["estimated_cost_usd"] for row in rows} == {None}


def test_other_modes_estimate_nothing(runs: Runs) -> None:
    """Outside a plan no row has an estimate."""
    for mode in ("live", "off", "replay"):
        rows = runs(*jobs(2), settings={"mode": mode, "max_calls": 1})
        assert all(row[name] is None for row in rows for name in SHARES)
    assert {row["pack_id"] for row in rows} == {PACK.pack_id}
