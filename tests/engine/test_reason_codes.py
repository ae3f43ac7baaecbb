"""Every cell without an answer has a code of the closed list, whatever its sentence says."""

from __future__ import annotations

import threading
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from jobforge.batch import asker
from jobforge.errors import FatalRunError
from jobforge.live import executor
from jobforge.live.retries import RetryPolicy
from jobforge.reasons import Reason, ReasonCode
from jobforge.settings import Settings
from support.builders import IDS, jobs, question_key, recorded_table, request, run
from support.loopback_server import LoopbackServer
from support.patience import Patience
from support.waiting import HANG_SECONDS

from engine.runs import IN_TURN, Runs, codes, outcomes

WARN = {"on_fatal": "warn"}
BATCH = {"mode": "batch", **WARN}
# What the server does all the time, how many jobs ask, and the codes of the cells.
SERVERS = [
    ("refusal", 1, {"refused"}),
    ("content_filter", 1, {"refused"}),
    ("truncated", 1, {"truncated"}),
    ("empty_content", 1, {"empty"}),
    ("bad_json", 1, {"unreadable"}),
    ("html", 1, {"unreadable"}),
    ("missing_attribute", 1, {"left_out"}),
    ("wrong_type", 1, {"value_off_type"}),
    ("out_of_range", 1, {"value_off_type"}),
    ("no_rationale", 1, {"answer_malformed"}),
    ("bad_confidence", 1, {"answer_malformed"}),
    ("413", 1, {"request_too_long"}),
    ("429=0.01", 1, {"rate_limited"}),
    ("500=0.01", 1, {"server_fault"}),
    ("reset", 1, {"connection_failed"}),
    ("slow", 1, {"timed_out"}),
    ("401", 2, {"key_rejected"}),
    ("404", 2, {"model_unknown"}),
    ("insufficient_quota", 2, {"quota_exhausted"}),
    ("400", 2, {"request_rejected"}),
    ("429=700", 2, {"server_asks_to_wait"}),
    ("500=0.01", 12, {"server_fault", "faults_in_a_row"}),
    ("bad_json", 12, {"unreadable", "unread_in_a_row"}),
]
CAPS = [
    ({"max_calls": 0}, "cap_calls"),
    ({"max_tokens": 0}, "cap_tokens"),
    ({"max_cost_usd": Decimal(0)}, "cap_cost"),
    ({"max_tokens": 100}, "too_large_tokens"),
    ({"max_cost_usd": Decimal("0.000001")}, "too_large_cost"),
]
BATCHES = [
    ("upload", "401", "key_rejected"),
    ("upload", "404", "request_rejected"),
    ("upload", "500", "batch_not_begun"),
    ("create", "400", "request_rejected"),
    ("create", "500", "batch_uncertain"),
]


@pytest.fixture
def runs(live_server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Runs that ask one request after the other, and soon look at batches again or give up."""
    Patience(live_server, monkeypatch)
    monkeypatch.setattr(executor, "RetryPolicy", partial(RetryPolicy, refusals=2))
    monkeypatch.setattr(asker, "_FIRST_WAIT_SECONDS", 0.05)
    return Runs(live_server, IN_TURN)


@pytest.mark.parametrize(("fault", "count", "found"), SERVERS)
def test_what_the_server_does_has_its_code(
    runs: Runs, fault: str, count: int, found: set[str]
) -> None:
    """A reply that is no answer, a fault, and what ends a run."""
    runs.server.rates = {fault: 1.0}
    assert codes(runs(*jobs(count), settings=WARN)) == found


@pytest.mark.parametrize(("settings", "code"), CAPS)
@pytest.mark.parametrize("mode", ["live", "batch"])
def test_a_cap_has_its_code(runs: Runs, mode: str, settings: dict[str, Any], code: str) -> None:
    """By calls, by tokens, by cost, and where one request exceeds it, live and in batches."""
    prices = '{"asked-model": {"input": 100, "output": 400}}'
    rows = runs(*jobs(2), settings={"prices": prices, "mode": mode, **settings})
    assert codes(rows) == {code}
    assert runs.asked == []


@pytest.mark.parametrize(
    ("mode", "code"), [("off", "mode_off"), ("plan", "mode_plan"), ("replay", "not_recorded")]
)
def test_a_mode_that_asks_nobody_has_its_code(runs: Runs, mode: str, code: str) -> None:
    """Off, plan and replay leave every cell with the mode's own code."""
    assert codes(runs(*jobs(2), settings={"mode": mode})) == {code}


@pytest.mark.parametrize("mode", ["auto", "live", "batch"])
def test_no_connection_has_its_code(mode: Any) -> None:
    """Whichever mode would ask a model, where none is set."""
    assert codes(run(*jobs(1), settings=Settings(mode=mode))) == {"no_connection"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"value": "9"}, "value_off_type"),
        ({"confidence": 80.0}, "answer_malformed"),
        ({"rationale": ""}, "answer_malformed"),
    ],
)
def test_a_recorded_answer_that_does_not_hold_has_its_code(
    runs: Runs, change: dict[str, Any], code: str
) -> None:
    """It is checked like a fresh one, and says the same."""
    recorded = recorded_table({"question_key": question_key(), **change})
    asked = request(attribute_ids=("reading",))
    assert codes(runs(asked, settings={"mode": "replay"}, recorded=recorded)) == {code}


def test_a_cell_in_a_batch_has_its_code(runs: Runs) -> None:
    """In the run that sends it, and in every later one while the batch has not ended."""
    assert codes(runs(*jobs(2), settings=BATCH)) == {"in_batch"}
    assert codes(runs(*jobs(2), settings=BATCH)) == {"in_batch"}
    assert codes(runs(*jobs(2))) == {"in_batch"}


@pytest.mark.parametrize(("call", "fault", "code"), BATCHES)
def test_a_batch_that_is_not_sent_has_its_code(
    runs: Runs, call: str, fault: str, code: str
) -> None:
    """What every call would meet is told from a batch that has not begun, or may have."""
    runs.server.batches.faults[call].extend([fault] * 9)
    assert codes(runs(*jobs(2), settings=BATCH)) == {code}


def test_a_batch_that_is_refused_has_its_code(runs: Runs) -> None:
    """The provider found a fault in the batch as a whole; nothing more is sent."""
    runs.server.batches.end_when_looked_at(1, "failed")
    settings = {**BATCH, "batch_wait_seconds": HANG_SECONDS}
    assert codes(runs(*jobs(2), settings=settings)) == {"batch_refused"}


def test_a_batch_that_ends_without_a_result_has_its_code(runs: Runs) -> None:
    """What was never asked, twice, waits for the next run."""
    runs.server.batches.end_when_looked_at(2, "expired", share=0.5)
    settings = {**BATCH, "batch_wait_seconds": HANG_SECONDS}
    assert codes(runs(*jobs(4), settings=settings)) == {"no_result_in_batch"}


@pytest.mark.parametrize(
    ("fault", "code"),
    [("401", "key_rejected"), ("400", "request_rejected"), ("404", "model_unknown")],
)
def test_what_a_batch_met_has_the_code_of_a_live_run(runs: Runs, fault: str, code: str) -> None:
    """There the cells failed; it is the same fault."""
    runs.server.rates = {fault: 1.0}
    runs(*jobs(2), settings=BATCH)
    runs.server.batches.end()
    rows = runs(*jobs(2), settings=BATCH)
    assert codes(rows) == {code}
    assert outcomes(rows) == {"failed": 2 * len(IDS)}


@pytest.mark.parametrize("mode", ["live", "batch", "replay", "off"])
def test_a_recorded_refusal_has_its_code(runs: Runs, mode: str) -> None:
    """It comes from what the ledger says became of the cell, not from what the model said."""
    runs.server.rates = {"refusal": 1.0}
    first = runs(*jobs(2))
    rows = runs(*jobs(2), settings={"mode": mode})
    assert runs.asked == []
    assert codes(rows) == codes(first) == {"refused"}


@pytest.mark.parametrize("code", ["cap_calls", "in_batch", "refused"])
def test_a_sentence_decides_nothing(runs: Runs, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every sentence replaced, a run comes to the same and gives the same advice."""
    settings = {
        "cap_calls": {"max_calls": 1},
        "in_batch": BATCH,
        "refused": {},
    }[code]
    said: list[list[str]] = []
    plain = Reason.__init__

    def other(reason: Reason, code: ReasonCode, text: str) -> None:
        plain(reason, code, "something else: raise llm_nothing")

    for number, rewritten in enumerate((False, True)):
        lines: list[str] = []
        if rewritten:
            monkeypatch.setattr(Reason, "__init__", other)
        if code == "refused":
            runs.server.rates = {"refusal": 1.0}
        rows = runs(*jobs(6)[3 * number :][:3], settings=settings, log=lines.append)
        assert codes(rows) == {code}
        steps = [line for line in "\n".join(lines).splitlines() if "next:" in line]
        assert steps
        said.append(steps)
    assert said[0] == said[1]


def test_a_fatal_fault_still_fails_the_run(runs: Runs) -> None:
    """A code beside the sentence changes nothing of what is raised."""
    runs.server.rates = {"401": 1.0}
    with pytest.raises(FatalRunError, match="OPENAI_API_KEY"):
        runs(*jobs(1), stop=threading.Event())
