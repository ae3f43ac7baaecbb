"""A server in trouble: every cell has a named outcome, and what was answered is kept."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from jobforge.errors import FatalRunError
from support.builders import IDS, jobs
from support.loopback_server import LoopbackServer
from support.patience import Patience

from engine.runs import (
    LIVE,
    Rows,
    Runs,
    cells,
    cells_asked,
    check_ledger,
    ledger_answers,
    ledger_attempts,
    outcomes,
)

NAMED = {"answered", "refused", "failed", "awaiting_llm"}
FEW = replace(LIVE, max_in_flight=8)
# The fault and what the ledger calls the attempt that met it.
FAULTS = {
    "flood=10": "unreadable",
    "reset": "no_connection",
    "slow": "timed_out",
    "drip=0.05": "timed_out",
    "429": "rate_limited",
    "429=0.05": "rate_limited",
    "503": "server_fault",
    "503=0.05": "server_fault",
    "408": "server_fault",
    "html": "unreadable",
    "refusal": "refused",
    "truncated": "truncated",
    "error_body": "server_fault",
    "413": "too_long",
}


@pytest.fixture
def runs(live_server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Runs whose requests time out where the server is silent, and nowhere else."""
    Patience(live_server, monkeypatch)
    return Runs(live_server, FEW)


def _check(rows: Rows, count: int) -> None:
    assert cells(rows) == {(f"j{n}", name) for n in range(1, count + 1) for name in IDS}
    for row in rows:
        assert row["outcome"] in NAMED
        assert (row["value"] is not None) == (row["outcome"] == "answered")
        assert (row["reason"] is None) == (row["outcome"] == "answered")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_that_fails_now_and_then(runs: Runs, fault: str) -> None:
    """A third of the requests fail: each cell has its outcome, each attempt its name."""
    runs.server.rates = {fault: 0.3}
    rows = runs(*jobs(12))
    _check(rows, 12)
    found = {one["status"] for one in ledger_attempts()}
    assert found == {"answered", FAULTS[fault]}
    # An attempt is recorded for each request that reached the server.
    assert len(ledger_attempts()) == runs.server.count
    assert outcomes(rows)["answered"] == list(ledger_answers().values()).count("answered")
    runs.server.rates = {}
    healthy = runs(*jobs(12), settings={"reask_refused": True})
    assert outcomes(healthy) == {"answered": 12 * len(IDS)}
    open_cells = 12 * len(IDS) - outcomes(rows)["answered"]
    assert sum(runs.cells_asked.values()) == open_cells
    check_ledger()


@pytest.mark.parametrize("fault", ["flood=10", "reset", "slow", "429", "429=0.05", "500=0.01"])
def test_a_server_that_always_fails(runs: Runs, fault: str) -> None:
    """With no answer at all the run still ends, and every cell says why."""
    runs.server.rates = {fault: 1.0}
    rows = runs(*jobs(12), settings={"on_fatal": "warn", "max_calls": 30})
    _check(rows, 12)
    assert "answered" not in outcomes(rows)
    assert len(runs.asked) <= 30
    assert {one["status"] for one in ledger_attempts()} == {FAULTS.get(fault, "server_fault")}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_storm_of_everything(runs: Runs, seed: int) -> None:
    """Under all faults together nothing is lost, and the runs that follow finish the work."""
    shares = dict.fromkeys(("reset", "429", "429=0.05", "503", "flood=10", "slow"), 0.05)
    shares |= dict.fromkeys(("truncated", "bad_json", "missing_attribute", "wrong_type"), 0.08)
    runs.server.rates = shares
    runs.server._random.seed(seed)
    _check(runs(*jobs(40)), 40)
    kept = {cell for cell, outcome in ledger_answers().items() if outcome == "answered"}
    runs.server.rates = {}
    rows = runs(*jobs(40))
    assert outcomes(rows) == {"answered": 40 * len(IDS)}
    assert not kept & {
        (name.replace("Job ", "j"), attribute) for name, attribute in runs.cells_asked
    }
    assert sum(runs.cells_asked.values()) == 40 * len(IDS) - len(kept)
    check_ledger()


@pytest.mark.parametrize(
    ("fault", "word"),
    [("401", "OPENAI_API_KEY"), ("403", "OPENAI_API_KEY"), ("insufficient_quota", "credit")],
)
def test_a_fatal_fault_amid_a_run_loses_no_answer(runs: Runs, fault: str, word: str) -> None:
    """The run fails and says why; all that was answered is in the ledger, also what came last."""
    runs.server.script(*["ok"] * 20, fault)
    # In parallel: what is asked beside it has its reply when the run has seen the fault.
    runs.server.hold(after=21)
    with pytest.raises(FatalRunError, match=word):
        runs(*jobs(60), log=lambda line: "no further call" in line and runs.server.release())
    good = cells_asked(asked for asked in runs.asked if asked.fault == "ok")
    assert len(good) >= 20 * len(IDS)
    assert len(ledger_answers()) == len(good)
    assert len(runs.asked) <= 21 + FEW.max_in_flight
    rows = runs(*jobs(60))
    assert outcomes(rows) == {"answered": 60 * len(IDS)}
    assert sum(runs.cells_asked.values()) == 60 * len(IDS) - len(good)
    check_ledger()


@pytest.mark.parametrize("count", [1, 2, 30])
def test_a_run_whose_every_request_is_rejected_fails(runs: Runs, count: int) -> None:
    """However few requests and packs are left: nothing was answered, and the server says why."""
    runs.server.rates = {"400": 1.0}
    with pytest.raises(FatalRunError, match="the server rejects the request"):
        runs(*jobs(count))
    rows = runs(*jobs(count), settings={"on_fatal": "warn"})
    assert outcomes(rows) == {"awaiting_llm": count * len(IDS)}


def test_a_rejection_beside_an_answer_fails_no_run(runs: Runs) -> None:
    """Where something was answered, what is rejected waits."""
    runs.server.script("ok", "400")
    rows = runs(*jobs(2), settings={"max_in_flight": 1})
    assert outcomes(rows) == {"answered": len(IDS), "awaiting_llm": len(IDS)}


@pytest.mark.parametrize("fault", ["html", "bad_json", "empty_choices", "nan"])
def test_a_server_whose_replies_nobody_can_read_is_left(runs: Runs, fault: str) -> None:
    """Twenty such replies in a row end the run, and the message says where to look."""
    runs.server.rates = {fault: 1.0}
    with pytest.raises(FatalRunError, match=r"20 replies in a row .* OPENAI_BASE_URL .* llm_model"):
        runs(*jobs(200))
    assert len(runs.asked) <= 20 + 2 * FEW.max_in_flight


@pytest.mark.parametrize("fault", ["refusal", "truncated", "missing_attribute=tools"])
def test_a_server_that_answers_badly_is_not_left(runs: Runs, fault: str) -> None:
    """Refusals, truncations and bad cells are each job's own, however many there are."""
    runs.server.rates = {fault: 1.0}
    rows = runs(*jobs(30))
    assert "awaiting_llm" not in outcomes(rows)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("under_a_key", "does the server take response_format"),
        ("unbegun", "a larger llm_max_output_tokens"),
    ],
)
def test_replies_in_which_nothing_holds_are_bought_a_few_times_only(
    runs: Runs, fault: str, cause: str
) -> None:
    """Those of five jobs end the run, which says what to look at."""
    runs.server.rates = {fault: 1.0}
    with pytest.raises(FatalRunError, match=f"5 jobs in a row had no answer .* {cause}"):
        runs(*jobs(60), settings={"max_in_flight": 1})
    assert len(runs.asked) <= 2 * 5


def test_a_pack_in_which_nothing_holds_is_left_and_the_others_are_asked(runs: Runs) -> None:
    """Where there were answers before, the run goes on: what else there is may hold."""
    runs.server.script("ok", *["unbegun"] * 10)
    rows = runs(*jobs(20), settings={"max_in_flight": 1})
    left = {row["reason_code"] for row in rows if row["outcome"] == "awaiting_llm"}
    assert left == {"fruitless_in_a_row"}
    assert len(runs.asked) == 11


@pytest.mark.parametrize("fault", ["unbegun", "bad_json", "under_a_key"])
def test_what_failed_in_the_same_way_in_two_runs_is_not_bought_again(
    runs: Runs, fault: str
) -> None:
    """The third run sends nothing, until the request changes or it is told to."""
    for _ in range(2):
        runs.server.rates = {fault: 1.0}
        assert outcomes(runs(*jobs(1))) == {"failed": len(IDS)}
        assert runs.asked
    runs.server.rates = {}
    rows = runs(*jobs(1))
    assert not runs.asked
    assert {(row["outcome"], row["reason_code"]) for row in rows} == {("failed", "failed_twice")}
    assert outcomes(runs(*jobs(1), settings={"reask_failed": True})) == {"answered": len(IDS)}


def test_what_failed_twice_is_asked_once_its_request_changed(runs: Runs) -> None:
    """A larger limit is another request."""
    for _ in range(2):
        runs.server.script("unbegun")
        runs(*jobs(1))
    rows = runs(*jobs(1), settings={"max_output_tokens": 9000})
    assert outcomes(rows) == {"answered": len(IDS)}


def test_failures_of_two_kinds_are_no_reason_to_stop(runs: Runs) -> None:
    """What cannot be read today and is empty tomorrow may be an answer the day after."""
    for fault in ("bad_json", "empty_content"):
        runs.server.script(fault, fault)
        runs(*jobs(1))
    assert outcomes(runs(*jobs(1))) == {"answered": len(IDS)}


def test_a_rate_limit_inside_a_200_is_waited_for(runs: Runs) -> None:
    """A router's reply counts as what it says: every cell is answered in the end."""
    runs.server.script("router_429", "ok", "router_429", "error_body")
    rows = runs(*jobs(4))
    assert outcomes(rows) == {"answered": 4 * len(IDS)}


def test_a_prompt_that_was_cut_is_said_once(runs: Runs) -> None:
    """Fewer tokens than any tokeniser makes of the prompt; the answers are kept."""
    runs.server.rates = {"cut_prompt": 1.0}
    said: list[str] = []
    rows = runs(*jobs(3), log=said.append)
    assert outcomes(rows) == {"answered": 3 * len(IDS)}
    (line,) = [line for line in said if "may cut prompts to its context" in line]
    assert line.startswith("LLM: the server counted 32 tokens of a prompt of ")


def test_one_answer_among_many_unreadable_replies_keeps_a_run_going(runs: Runs) -> None:
    """The replies that nobody can read are counted from the last answer on."""
    runs.server.script(*[*["bad_json"] * 18, "ok"] * 4)
    rows = runs(*jobs(40), settings={"max_in_flight": 1})
    assert outcomes(rows) == {"answered": 4 * len(IDS), "failed": 36 * len(IDS)}


def test_retry_after_is_kept(runs: Runs) -> None:
    """A server that says when to come back is not asked before."""
    runs.server.script("429=1")
    started = time.monotonic()
    assert outcomes(runs(*jobs(1))) == {"answered": len(IDS)}
    assert time.monotonic() - started >= 1
    assert len(runs.asked) == 2


def test_no_server_at_all(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens at the address: the run ends soon, and says that there is no connection."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(FatalRunError, match="no connection"):
        runs(*jobs(30))
    rows = runs(*jobs(30), settings={"on_fatal": "warn"})
    _check(rows, 30)
    assert set(outcomes(rows)) <= {"failed", "awaiting_llm"}
