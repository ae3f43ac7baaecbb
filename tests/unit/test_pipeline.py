"""The pipeline over real HTTP: every cell leaves as one row, whatever happens."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa
import pytest
from jobforge import pipeline
from jobforge.answers import attempts
from jobforge.answers.outcomes import OUTCOME_SCHEMA
from jobforge.errors import FatalRunError, InputError, InterruptedRunError, SettingsError
from jobforge.live import blocking, state
from jobforge.live.retries import RetryPolicy
from jobforge.pipeline import impute
from jobforge.progress import Progress
from jobforge.requests.inputs import Job
from jobforge.requests.prompts import PROMPT_VERSION
from jobforge.settings import Settings
from support.builders import (
    IDS,
    JOB,
    LEADERSHIP,
    PACK,
    jobs,
    packs_table,
    prices_table,
    question_key,
    recorded_table,
    request,
    requests_table,
    run,
    utc,
)
from support.loopback_server import CELL_FAULTS, LoopbackServer
from support.waiting import HANG_SECONDS, until

pytestmark = pytest.mark.usefixtures("ledger_file", "quick")

LIVE = Settings(mode="live", model="asked-model", timeout_seconds=HANG_SECONDS)
# One request after the other, so that a script of faults meets the jobs in their order.
IN_TURN = replace(LIVE, max_in_flight=1)
WARN = replace(IN_TURN, on_fatal="warn")
ANSWER_COLUMNS = (
    "value",
    "confidence",
    "rationale",
    "model_used",
    "prompt_version",
    "imputed_at",
)


def outcomes(rows: list[dict[str, Any]]) -> dict[str, int]:
    return dict(Counter(row["outcome"] for row in rows))


def reasons(rows: list[dict[str, Any]]) -> set[str]:
    return {row["reason"] for row in rows if row["reason"]}


def of_job(rows: list[dict[str, Any]], job_id: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["job_id"] == job_id]


class TestAnswers:
    """A live run in which all goes well."""

    def test_every_cell_is_answered(self, live_server: LoopbackServer) -> None:
        """One request per job and pack, one row per cell, all values in their types."""
        rows = run(*jobs(3), settings=LIVE)
        assert outcomes(rows) == {"answered": 3 * len(IDS)}
        for number in (1, 2, 3):
            assert [row["attribute_id"] for row in of_job(rows, f"j{number}")] == list(IDS)
        assert live_server.count == 3
        for row in rows:
            assert re.fullmatch(VALUE_FORMS[row["attribute_id"]], row["value"])

    def test_answers_have_their_provenance(self, live_server: LoopbackServer) -> None:
        """An answer says which model, prompt, request and moment it is from."""
        before = datetime.now(UTC)
        [row] = run(request(attribute_ids=("reading",)), settings=LIVE)
        assert row["model_requested"] == "asked-model"
        assert row["model_used"] == "loopback-model"
        assert row["prompt_version"] == PROMPT_VERSION
        assert row["request_id"] == "req_1"
        assert row["dbt_invocation_id"] == "invocation-1"
        assert row["pack_id"] == PACK.pack_id
        assert row["question_key"] == question_key()
        assert before <= row["imputed_at"] <= datetime.now(UTC)
        assert row["reason"] is None

    def test_evidence_is_sent(self, live_server: LoopbackServer) -> None:
        """Known attributes and comparable jobs reach the model."""
        run(request(known=[("Python", "5")], comparable=[("Poet", {"reading": "2"})]))
        [asked] = live_server.asked
        assert "Python: 5" in asked.messages[1]["content"]
        assert "Poet: 2" in asked.messages[1]["content"]

    def test_only_missing_attributes_are_asked(self, live_server: LoopbackServer) -> None:
        """The schema has the asked attributes alone, the definitions the whole pack."""
        run(request(attribute_ids=("shifts", "reading")))
        [asked] = live_server.asked
        assert asked.attribute_ids == ["shifts", "reading"]
        assert "Leadership level" in asked.messages[0]["content"]

    def test_the_same_question_has_the_same_bytes(
        self, live_server: LoopbackServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
    ) -> None:
        """Two runs over the same input, each with a new ledger, send the same requests."""
        run(*jobs(2), settings=IN_TURN)
        monkeypatch.setenv("JOBFORGE_LEDGER", str(tmp_path / "another.sqlite"))
        run(*jobs(2), settings=IN_TURN)
        first, second = live_server.asked[:2], live_server.asked[2:]
        assert [asked.body for asked in first] == [asked.body for asked in second]

    def test_schema_of_the_rows(self, live_server: LoopbackServer) -> None:
        """The reader's schema is there before the first call, and every batch has it."""
        reader = impute(
            packs_table(),
            requests_table(*jobs(2)),
            recorded_table(),
            prices_table(),
            LIVE,
            invocation_id="i",
            log=lambda line: None,
        )
        assert reader.schema == OUTCOME_SCHEMA
        assert live_server.count == 0
        assert reader.read_all().schema == OUTCOME_SCHEMA
        assert OUTCOME_SCHEMA.field("imputed_at").type == pa.timestamp("us", tz="UTC")

    def test_no_requests_no_rows(self, live_server: LoopbackServer) -> None:
        """An empty input makes an empty table and no call."""
        assert run(settings=LIVE) == []
        assert live_server.count == 0

    def test_a_request_for_nothing_is_not_sent(self, live_server: LoopbackServer) -> None:
        """A request without attributes costs no call."""
        assert run(request(attribute_ids=()), settings=LIVE) == []
        assert live_server.count == 0


VALUE_FORMS = {
    "reading": "[0-5]",
    "travel_days": r"\d+(\.\d+)?",
    "leadership": "none|team lead|manager",
    "shifts": "true|false",
    "tools": ".+",
}
# The fault, how often a request of five cells meets it until it is given up, and what it ends in.
WITHOUT_AN_ANSWER = [
    ("refusal", 1, "refused", "refused"),
    ("content_filter", 1, "refused", "refused"),
    ("content_filter_400", 1, "refused", "refused"),
    # Five cells, then halves of them: 5, 3 and 2, 2 and 1 and 1 and 1, 1 and 1.
    ("truncated", 9, "failed", "truncated"),
    ("bad_json", 2, "failed", "unreadable"),
    ("duplicate_key", 2, "failed", "unreadable"),
    ("not_an_object", 2, "failed", "unreadable"),
    ("nan", 2, "failed", "unreadable"),
    ("html", 2, "failed", "unreadable"),
    ("flood=10", 2, "failed", "unreadable"),
    ("empty_content", 2, "failed", "empty"),
    ("null_content", 2, "failed", "empty"),
    ("empty_choices", 2, "failed", "empty"),
    ("unbegun", 1, "failed", "before the answer began"),
    ("context_too_long", 1, "failed", "too long"),
]
SPOILED = [
    (fault, attribute_id)
    for fault in CELL_FAULTS
    for attribute_id in IDS
    # A boolean and a text have no range.
    if (fault, attribute_id) not in (("out_of_range", "shifts"), ("out_of_range", "tools"))
    and fault != "extra_attribute"
]


class TestMisbehaviour:
    """What is not an answer is a status with a reason, and touches nobody else."""

    @pytest.mark.parametrize(("fault", "times", "outcome", "word"), WITHOUT_AN_ANSWER)
    def test_a_request_without_an_answer(
        self, live_server: LoopbackServer, fault: str, times: int, outcome: str, word: str
    ) -> None:
        """All cells of that request have the status, all cells of the others an answer."""
        live_server.script("ok", *[fault] * times, "ok")
        rows = run(*jobs(3), settings=IN_TURN)
        assert live_server.count == 2 + times
        spoiled = of_job(rows, "j2")
        assert outcomes(spoiled) == {outcome: len(IDS)}
        assert all(word in row["reason"] for row in spoiled)
        assert outcomes(rows) == {"answered": 2 * len(IDS), outcome: len(IDS)}
        for row in spoiled:
            assert [row[name] for name in ANSWER_COLUMNS] == [None] * 6
            assert row["model_requested"] == "asked-model"

    @pytest.mark.parametrize(
        "fault", [fault for fault, times, _, _ in WITHOUT_AN_ANSWER if times == 2]
    )
    def test_what_cannot_be_read_is_asked_for_once_more(
        self, live_server: LoopbackServer, fault: str
    ) -> None:
        """One reply that is empty or unreadable costs one more request and no cell."""
        live_server.script(fault)
        assert outcomes(run(request(), settings=LIVE)) == {"answered": len(IDS)}
        first, second = live_server.asked
        assert first.body == second.body

    def test_a_truncated_reply_is_asked_for_in_halves(self, live_server: LoopbackServer) -> None:
        """What did not fit into one reply is answered in two."""
        live_server.script("truncated")
        assert outcomes(run(request(), settings=IN_TURN)) == {"answered": len(IDS)}
        asked = [asked.attribute_ids for asked in live_server.asked]
        assert asked == [list(IDS), list(IDS[:3]), list(IDS[3:])]

    @pytest.mark.parametrize(("fault", "attribute_id"), SPOILED)
    def test_a_spoiled_cell(
        self, live_server: LoopbackServer, fault: str, attribute_id: str
    ) -> None:
        """One spoiled cell fails with a reason; its neighbours in the reply are answers."""
        live_server.script(*[f"{fault}={attribute_id}"] * 2)
        rows = run(request(), settings=LIVE)
        [bad] = [row for row in rows if row["outcome"] != "answered"]
        assert (bad["attribute_id"], bad["outcome"]) == (attribute_id, "failed")
        assert bad["reason"]
        assert [bad[name] for name in ANSWER_COLUMNS] == [None] * 6
        assert bad["request_id"] == "req_2"
        assert live_server.count == 2

    @pytest.mark.parametrize("fault", [fault for fault in CELL_FAULTS if "extra" not in fault])
    def test_a_spoiled_cell_is_asked_for_once_more_alone(
        self, live_server: LoopbackServer, fault: str
    ) -> None:
        """A cell that does not hold, or was left out, gets a request of its own."""
        live_server.script(f"{fault}=leadership")
        assert outcomes(run(request(), settings=LIVE)) == {"answered": len(IDS)}
        assert [asked.attribute_ids for asked in live_server.asked] == [list(IDS), ["leadership"]]

    def test_what_was_not_asked_makes_no_row(self, live_server: LoopbackServer) -> None:
        """An attribute that nobody asked for is left out, the others are answers."""
        live_server.script("extra_attribute")
        rows = run(request(), settings=LIVE)
        assert [row["attribute_id"] for row in rows] == list(IDS)
        assert outcomes(rows) == {"answered": len(IDS)}
        assert live_server.count == 1

    def test_another_model_is_named(self, live_server: LoopbackServer) -> None:
        """A reply of another model than the one asked is an answer of that model."""
        live_server.script("other_model")
        rows = run(request(), settings=LIVE)
        assert {row["model_used"] for row in rows} == {"another-model"}
        assert {row["model_requested"] for row in rows} == {"asked-model"}

    @pytest.mark.parametrize("fault", ["429=0.01", "429", "500=0.01", "500", "reset"])
    def test_a_fault_that_passes_costs_nothing(
        self, live_server: LoopbackServer, fault: str
    ) -> None:
        """A fault that is gone at the next try leaves no trace."""
        live_server.script(fault, fault, "ok")
        assert outcomes(run(request(), settings=LIVE)) == {"answered": len(IDS)}

    @pytest.mark.parametrize(
        ("fault", "times", "word"),
        [
            ("429=0.01", 4, "rate limited"),
            ("429", 4, "rate limited"),
            ("500=0.01", 5, "server fault 500"),
            ("reset", 5, "no connection"),
        ],
    )
    def test_a_fault_that_stays_fails_its_request_alone(
        self,
        live_server: LoopbackServer,
        monkeypatch: pytest.MonkeyPatch,
        fault: str,
        times: int,
        word: str,
    ) -> None:
        """After so many tries the request's cells fail; the next request is sent."""
        policy = partial(RetryPolicy, refusals=4, first_wait=0.001, longest_wait=0.01)
        monkeypatch.setattr("jobforge.live.executor.RetryPolicy", policy)
        live_server.script(*[fault] * times)
        rows = run(*jobs(2), settings=IN_TURN)
        assert outcomes(rows) == {"failed": len(IDS), "answered": len(IDS)}
        assert {row["job_id"] for row in rows if row["outcome"] == "failed"} == {"j1"}
        assert all(word in reason and f"{times} times" in reason for reason in reasons(rows))
        assert live_server.count == times + 1

    def test_a_slow_reply(self, live_server: LoopbackServer) -> None:
        """A reply that does not come in time fails its cells."""
        live_server.script(*["slow"] * 5)
        rows = run(request(), settings=replace(LIVE, timeout_seconds=0.4))
        assert outcomes(rows) == {"failed": len(IDS)}
        assert reasons(rows) == {"no reply within 0.4 seconds; sent 5 times"}

    def test_a_server_that_is_down_is_left_alone(
        self, live_server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After so many faults in a row no further request is sent; the other cells wait."""
        monkeypatch.setattr(state, "FAULTS_IN_A_ROW", 2)
        live_server.rates = {"503=0.01": 1.0}
        rows = run(*jobs(5), settings=WARN)
        assert outcomes(rows) == {"failed": 2 * len(IDS), "awaiting_llm": 3 * len(IDS)}
        assert live_server.count == 2 * 5
        assert any("2 requests in a row failed" in reason for reason in reasons(rows))

    def test_a_storm_of_faults_loses_no_cell(self, live_server: LoopbackServer) -> None:
        """Under faults of every kind each cell still leaves exactly once, with a status."""
        live_server.rates = {
            "500=0.01": 0.1,
            "refusal": 0.1,
            "truncated": 0.1,
            "bad_json": 0.2,
            "missing_attribute": 0.2,
            "reset": 0.05,
        }
        rows = run(*jobs(60), settings=replace(LIVE, max_calls=1000))
        assert len({(row["job_id"], row["attribute_id"]) for row in rows}) == 60 * len(IDS)
        assert len(rows) == 60 * len(IDS)
        assert {"answered", "refused", "failed"} <= set(outcomes(rows))
        for row in rows:
            answered = row["outcome"] == "answered"
            assert all((row[name] is not None) == answered for name in ANSWER_COLUMNS)
            assert (row["reason"] is None) == answered


class TestStopping:
    """When no further call is made, and what the waiting cells say."""

    FATAL = pytest.mark.parametrize(
        ("fault", "word"),
        [
            ("401", "OPENAI_API_KEY"),
            ("403", "OPENAI_API_KEY"),
            ("404", "llm_model"),
            ("insufficient_quota=0.01", "credit"),
            ("429=700", "asks to wait 700 seconds"),
        ],
    )

    @FATAL
    def test_a_fatal_fault_stops_the_sending(
        self, live_server: LoopbackServer, fault: str, word: str
    ) -> None:
        """Where that only warns, the cells that are left wait and say what to do."""
        live_server.script("ok", fault)
        lines: list[str] = []
        rows = run(*jobs(9), settings=WARN, log=lines.append)
        assert outcomes(rows) == {"answered": len(IDS), "awaiting_llm": 8 * len(IDS)}
        assert all(word in reason for reason in reasons(rows))
        assert live_server.count == 2
        assert len([line for line in lines if "no further call" in line]) == 1

    @FATAL
    def test_a_fatal_fault_fails_the_run(
        self, live_server: LoopbackServer, fault: str, word: str
    ) -> None:
        """Else the run fails and says what to do; the next one has what was answered."""
        live_server.script("ok", fault)
        with pytest.raises(FatalRunError, match=word):
            run(*jobs(9), settings=IN_TURN)
        assert live_server.count == 2
        assert outcomes(run(*jobs(9), settings=IN_TURN)) == {"answered": 9 * len(IDS)}
        assert live_server.count == 2 + 8

    def test_a_rejected_pack_is_not_sent_again_and_again(self, live_server: LoopbackServer) -> None:
        """After three rejections in a row a pack's cells wait; that is no fault of the run."""
        live_server.script("ok", *["400"] * 3)
        lines: list[str] = []
        rows = run(*jobs(9), settings=IN_TURN, log=lines.append)
        assert outcomes(rows) == {"answered": len(IDS), "awaiting_llm": 8 * len(IDS)}
        assert all("rejects the request" in reason for reason in reasons(rows))
        assert live_server.count == 4
        assert len([line for line in lines if "no further call" in line]) == 1

    def test_a_server_that_rejects_every_pack_fails_the_run(
        self, live_server: LoopbackServer
    ) -> None:
        """Where two packs are rejected and nothing was answered, all the others would be."""
        live_server.rates = {"400": 1.0}
        other = replace(PACK, pack_id="organisation 2")
        asked = jobs(5) + [replace(one, pack_id=other.pack_id) for one in jobs(5)]
        with pytest.raises(FatalRunError, match="rejects the request"):
            run(*asked, settings=IN_TURN, packs=(PACK, other))
        # Three of each pack, and the first of each in the two other forms of the schema.
        assert live_server.count == 10

    @pytest.mark.parametrize("cap", [0, 1, 2])
    def test_the_cap_is_checked_before_each_send(
        self, live_server: LoopbackServer, cap: int
    ) -> None:
        """Not one request more than agreed is sent; what is left is counted and said."""
        lines: list[str] = []
        rows = run(*jobs(3), settings=replace(LIVE, max_calls=cap), log=lines.append)
        assert live_server.count == cap
        assert outcomes(rows).get("answered", 0) == cap * len(IDS)
        assert outcomes(rows)["awaiting_llm"] == (3 - cap) * len(IDS)
        assert all("llm_max_calls" in reason for reason in reasons(rows))
        assert f"{(3 - cap) * len(IDS)} waiting" in lines[-1]

    def test_a_cap_that_is_just_enough_is_not_named(self, live_server: LoopbackServer) -> None:
        """As many requests as the cap: nothing waits."""
        rows = run(*jobs(3), settings=replace(LIVE, max_calls=3))
        assert outcomes(rows) == {"answered": 3 * len(IDS)}

    def test_an_interrupted_run_keeps_its_answers(self, live_server: LoopbackServer) -> None:
        """Once the run is interrupted nothing is sent, and what was answered stays."""
        stop = threading.Event()

        def interrupt(body: dict[str, Any]) -> None:
            stop.set()

        live_server.answer = interrupt
        with pytest.raises(InterruptedRunError):
            run(*jobs(3), settings=IN_TURN, stop=stop)
        assert live_server.count == 1
        assert outcomes(run(*jobs(3), settings=IN_TURN)) == {"answered": 3 * len(IDS)}
        assert live_server.count == 3

    def test_a_broken_input_stops_before_any_call(self, live_server: LoopbackServer) -> None:
        """An attribute that its pack does not define is an error, not a call."""
        with pytest.raises(InputError):
            run(request(attribute_ids=("poetry",)), settings=LIVE)
        with pytest.raises(InputError):
            run(replace(request(), pack_id="no such pack"), settings=LIVE)
        assert live_server.count == 0

    def test_a_broken_program_is_not_a_failed_cell(
        self, live_server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An error that is none of ours is not swallowed."""
        monkeypatch.setattr(attempts, "read_cells", lambda *given, **named: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(request(), settings=LIVE)


class TestSettings:
    """What stops a run before its first call."""

    @pytest.mark.parametrize("mode", ["off", "plan", "live", "replay"])
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("max_cost_usd", Decimal(-1)),
            ("max_cost_usd", Decimal("NaN")),
            ("max_tokens", -1),
            ("requests_per_minute", 0),
            ("tokens_per_minute", -5),
            ("prices", "not json"),
            ("prices", '{"m": {"input": -1, "output": 1}}'),
        ],
    )
    def test_a_cap_or_a_price_without_meaning(
        self, live_server: LoopbackServer, mode: Any, name: str, value: Any
    ) -> None:
        """A typing error is said in every mode, before anything is read or sent."""
        word = "price" if name == "prices" else f"llm_{name}"
        with pytest.raises(SettingsError, match=word):
            run(request(), settings=replace(LIVE, mode=mode, **{name: value}))
        assert live_server.count == 0

    def test_a_model_without_a_price_is_not_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A cap in money needs a price, unless the user waives it; a price of one's own will do."""
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
        capped = replace(LIVE, max_calls=0)
        with pytest.raises(SettingsError, match="llm_prices"):
            run(request(), settings=capped)
        own = '{"asked-model": {"input": 1, "output": 2}}'
        for settings in (replace(capped, price_waiver=True), replace(capped, prices=own)):
            assert outcomes(run(request(), settings=settings)) == {"awaiting_llm": len(IDS)}

    def test_a_bad_address_stops_the_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A mistyped address is said at once, before any row."""
        monkeypatch.setenv("OPENAI_BASE_URL", "localhost:8080")
        with pytest.raises(SettingsError, match="OPENAI_BASE_URL"):
            run(request(), settings=Settings())


class TestModes:
    """off, live, replay and auto."""

    RECORDED = recorded_table({"question_key": question_key()})

    def test_off_asks_nobody(self, live_server: LoopbackServer) -> None:
        """Mode off neither calls nor replays."""
        rows = run(request(), settings=Settings(mode="off"), recorded=self.RECORDED)
        assert outcomes(rows) == {"awaiting_llm": len(IDS)}
        assert reasons(rows) == {"llm_mode is off"}
        assert live_server.count == 0

    @pytest.mark.parametrize("mode", ["off", "replay"])
    def test_who_asks_nobody_has_the_ledgers_answers(
        self, live_server: LoopbackServer, mode: Any
    ) -> None:
        """Answers of an earlier run, of whichever model, are there without a call."""
        before = run(request(), settings=LIVE)
        rows = run(
            request(),
            settings=Settings(mode=mode),
            recorded=self.RECORDED,
            invocation_id="invocation-2",
        )
        assert rows == before
        assert live_server.count == 1

    def test_live_without_a_key_waits(self) -> None:
        """Mode live without a key or an address is no failure; the cells say what to set."""
        rows = run(request(), settings=LIVE)
        assert outcomes(rows) == {"awaiting_llm": len(IDS)}
        assert all(
            "OPENAI_API_KEY" in reason and "OPENAI_BASE_URL" in reason for reason in reasons(rows)
        )

    def test_replay_never_calls(self, live_server: LoopbackServer) -> None:
        """Mode replay uses recorded answers even where there is a key."""
        rows = run(request(), settings=Settings(mode="replay"), recorded=self.RECORDED)
        assert outcomes(rows) == {"answered": 1, "awaiting_llm": len(IDS) - 1}
        assert reasons(rows) == {"no recorded answer"}
        assert live_server.count == 0

    def test_a_recorded_answer_goes_before_a_refusal(self, live_server: LoopbackServer) -> None:
        """What a model of the ledger refused is replayed where the recording has an answer."""
        live_server.rates = {"refusal": 1.0}
        run(request(), settings=LIVE)
        rows = run(request(), settings=Settings(mode="replay"), recorded=self.RECORDED)
        assert outcomes(rows) == {"answered": 1, "refused": len(IDS) - 1}

    def test_auto_is_live_where_there_is_a_connection(self, live_server: LoopbackServer) -> None:
        """With a connection, auto calls and leaves the recording alone."""
        rows = run(request(), settings=Settings(), recorded=self.RECORDED)
        assert {row["model_used"] for row in rows} == {"loopback-model"}

    @pytest.mark.parametrize("name", ["OPENAI_API_KEY", "OPENAI_BASE_URL"])
    def test_either_variable_is_a_connection(
        self, name: str, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A key alone or an address alone makes auto live."""
        value = server.base_url if name.endswith("URL") else "sk-test-0123456789abcdef"
        monkeypatch.setenv(name, value)
        rows = run(request(), settings=Settings(max_calls=0), recorded=self.RECORDED)
        assert all("llm_max_calls" in reason for reason in reasons(rows))

    def test_auto_without_a_connection_replays(self) -> None:
        """Without one, auto replays, and the cells that wait say what to set."""
        rows = run(request(), settings=Settings(), recorded=self.RECORDED)
        assert outcomes(rows) == {"answered": 1, "awaiting_llm": len(IDS) - 1}
        assert all("OPENAI_API_KEY" in reason for reason in reasons(rows))

    @pytest.mark.parametrize("mode", ["auto", "off", "plan", "replay"])
    def test_who_asks_nobody_makes_no_ledger(self, mode: Any, ledger_file: Any) -> None:
        """Only a run that asks begins a ledger."""
        run(request(), settings=replace(LIVE, mode=mode), recorded=self.RECORDED)
        assert not ledger_file.exists()


class TestReplay:
    """Recorded answers."""

    REPLAY = Settings(mode="replay")

    def test_provenance_is_that_of_the_recording(self) -> None:
        """Model, prompt, request and time are those of the day the answer was given."""
        recorded = recorded_table({"question_key": question_key(), "value": "4.0"})
        [row] = run(request(attribute_ids=("reading",)), settings=self.REPLAY, recorded=recorded)
        assert row["value"] == "4"
        assert row["confidence"] == 0.8
        assert row["rationale"] == "Reports are read every day."
        assert (row["model_requested"], row["model_used"]) == ("asked-model", "real-model")
        assert (row["prompt_version"], row["request_id"]) == ("1-recorded", "req_recorded")
        assert row["imputed_at"] == utc(2026, 1, 2, 3, 4, 5)
        assert row["dbt_invocation_id"] == "invocation-1"

    def test_an_answer_for_another_context_is_not_replayed(self) -> None:
        """A job that changed since the recording waits."""
        recorded = recorded_table({"question_key": question_key()})
        changed = request(replace(JOB, title="Poet"), ("reading",))
        [row] = run(changed, settings=self.REPLAY, recorded=recorded)
        assert row["outcome"] == "awaiting_llm"

    def test_the_latest_of_several_counts(self) -> None:
        """A cell that was recorded twice has its later answer, whatever the rows' order."""
        rows = [
            {"question_key": question_key(), "value": "5", "imputed_at": datetime(2026, 2, 1)},
            {"question_key": question_key(), "value": "1", "imputed_at": datetime(2026, 1, 1)},
        ]
        for order in (rows, rows[::-1]):
            [row] = run(
                request(attribute_ids=("reading",)),
                settings=self.REPLAY,
                recorded=recorded_table(*order),
            )
            assert row["value"] == "5"

    @pytest.mark.parametrize(
        "change",
        [
            {"value": "9"},
            {"value": "high"},
            {"value": None},
            {"confidence": 80.0},
            {"confidence": None},
            {"rationale": ""},
            {"model_used": None},
            {"imputed_at": None},
        ],
    )
    def test_a_spoiled_recording_is_not_an_answer(self, change: dict[str, Any]) -> None:
        """A recorded answer is checked like a fresh one."""
        recorded = recorded_table({"question_key": question_key(), **change})
        [row] = run(request(attribute_ids=("reading",)), settings=self.REPLAY, recorded=recorded)
        assert row["outcome"] == "failed"
        assert "recorded answer" in row["reason"]
        assert [row[name] for name in ANSWER_COLUMNS] == [None] * 6


class TestReporting:
    """What the run says while it goes on."""

    def test_end_line_counts(self, live_server: LoopbackServer) -> None:
        """The summary has the counts by outcome and the number of calls."""
        lines: list[str] = []
        live_server.script("refusal")
        run(*jobs(2), settings=LIVE, log=lines.append)
        assert len(lines) == 1
        assert f"{len(IDS)} answered ({len(IDS)} asked now), {len(IDS)} refused" in lines[0]
        assert "2 calls" in lines[0]

    def test_end_line_says_what_was_there(self, live_server: LoopbackServer) -> None:
        """Answers of earlier runs are counted apart from what was asked now."""
        lines: list[str] = []
        run(*jobs(1), settings=LIVE)
        run(*jobs(3), settings=LIVE, log=lines.append, invocation_id="invocation-2")
        assert f"{len(IDS)} from the ledger" in lines[-1]
        assert f"{2 * len(IDS)} asked now" in lines[-1]
        assert "2 calls" in lines[-1]

    def test_a_run_that_fails_says_what_it_did(self, live_server: LoopbackServer) -> None:
        """The summary comes before the error, too: what was answered and what waits."""
        lines: list[str] = []
        live_server.script("ok", "401")
        with pytest.raises(FatalRunError):
            run(*jobs(3), settings=IN_TURN, log=lines.append)
        counts = f"{len(IDS)} answered ({len(IDS)} asked now), {2 * len(IDS)} waiting"
        assert f"LLM done: {counts}" in lines[-1]

    def test_progress_lines_come_at_intervals(
        self, live_server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A long run says how far it is, after each cell where there is no interval."""
        # The lines of the ticking thread come by the clock and have a test of their own.
        monkeypatch.setattr("jobforge.progress._TICK_SECONDS", HANG_SECONDS)
        monkeypatch.setattr(pipeline, "Progress", partial(Progress, seconds=0.0))
        lines: list[str] = []
        run(*jobs(3), settings=LIVE, log=lines.append)
        so_far = ["LLM so far" in line for line in lines]
        assert so_far == [True] * 3 * len(IDS) + [False]

    def test_a_run_that_waits_for_a_server_says_so(
        self, live_server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Lines come while the first reply is still under way."""
        monkeypatch.setattr("jobforge.progress._TICK_SECONDS", 0.001)
        monkeypatch.setattr(pipeline, "Progress", partial(Progress, seconds=0.0))
        said = threading.Event()
        in_time: list[bool] = []

        def wait(body: dict[str, Any]) -> None:
            in_time.append(said.wait(HANG_SECONDS))

        live_server.answer = wait
        run(*jobs(1), settings=LIVE, log=lambda line: said.set())
        assert in_time == [True]

    def test_the_rate_is_that_of_what_this_run_asks(
        self, live_server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Neither answers nor refusals of earlier runs count as asked by this one."""
        live_server.script("refusal")
        run(*jobs(3), settings=IN_TURN)
        asked: Counter[bool] = Counter()
        add = Progress._add

        def noted(one: Progress, cells: int, was_asked: bool, change: Any) -> None:
            asked[was_asked] += cells
            add(one, cells, was_asked, change)

        monkeypatch.setattr(Progress, "_add", noted)
        live_server.script("refusal")
        run(*jobs(5), settings=IN_TURN, invocation_id="invocation-2")
        assert asked == {False: 3 * len(IDS), True: 2 * len(IDS)}

    @pytest.mark.parametrize(
        ("mode", "step"),
        [
            ("off", "llm_mode: live asks for what waits"),
            ("replay", "llm_mode: live asks for what waits"),
            ("plan", "llm_mode: live asks for what waits"),
            ("auto", "set OPENAI_API_KEY or OPENAI_BASE_URL, then `dbt build` asks"),
            ("live", "set OPENAI_API_KEY or OPENAI_BASE_URL, then `dbt build` asks"),
        ],
    )
    def test_the_next_step_fits_the_mode(self, mode: Any, step: str) -> None:
        """Where nobody was asked, another `dbt build` alone would not help."""
        lines: list[str] = []
        run(*jobs(1), settings=replace(LIVE, mode=mode), log=lines.append)
        assert lines[-1].endswith(f"  next: {step}")

    def test_a_fatal_fault_that_may_pass_is_a_warning(self, live_server: LoopbackServer) -> None:
        """With llm_on_fatal: warn it goes to `warn`, and the summary says to put it right."""
        lines: list[str] = []
        warnings: list[str] = []
        live_server.script("401")
        run(*jobs(2), settings=WARN, log=lines.append, warn=warnings.append)
        [warning] = warnings
        assert "the server rejects the key, set OPENAI_API_KEY" in warning
        assert "  next: once that is put right, `dbt build` goes on" in lines[-1]

    @pytest.mark.parametrize("on_fatal", ["warn", "fail"])
    def test_no_key_in_any_row_or_line(self, live_server: LoopbackServer, on_fatal: Any) -> None:
        """A server that echoes the key into its errors does not get it into the warehouse."""
        key = "sk-test-0123456789abcdef"
        said: list[str] = []
        live_server.script(*["503=0.01"] * 5, "401_echo")
        try:
            settings = replace(WARN, on_fatal=on_fatal)
            said.append(str(run(*jobs(2), settings=settings, log=said.append)))
        except FatalRunError as error:
            said.append(str(error))
        assert "[redacted]" in said[-1]
        assert key not in str(said)


def test_rows_stream_in_batches(
    live_server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows leave before the last request is sent, so a long run does not pile up in memory."""
    monkeypatch.setattr(pipeline, "_ROWS_PER_BATCH", 32)
    monkeypatch.setattr(pipeline, "_REQUESTS_PER_CHUNK", 16)
    monkeypatch.setattr(blocking, "_UNTAKEN", 32)
    asked = [request(Job(f"j{n}", "t"), (LEADERSHIP.attribute_id,)) for n in range(400)]
    reader = impute(
        packs_table(),
        requests_table(*asked),
        recorded_table(),
        prices_table(),
        replace(LIVE, max_calls=400, max_in_flight=8),
        invocation_id="i",
        log=lambda line: None,
    )
    first = reader.read_next_batch()
    until(lambda: live_server.count > 32)
    # What is neither taken nor in work waits for the reader, who gives time to do otherwise.
    time.sleep(1)
    assert first.num_rows == 32 < live_server.count < 128
    assert first.num_rows + reader.read_all().num_rows == live_server.count == 400
