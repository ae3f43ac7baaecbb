"""The Batch API across runs: sent once, collected once, and nothing lost in between."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from jobforge.batch import asker, collector
from jobforge.batch import files as batch_files
from jobforge.errors import FatalRunError, InterruptedRunError
from jobforge.ledger import open_ledger
from jobforge.provider import interruption
from jobforge.provider.batch_api import BatchApi
from support.builders import ATTRIBUTES, IDS, PACK, jobs, request
from support.loopback_server import LoopbackServer
from support.waiting import HANG_SECONDS, Clock, CountedWaits, until

from engine.claims import ClaimsClock, expire_claims
from engine.runs import (
    LIVE,
    Cell,
    Rows,
    Runs,
    cells,
    cells_asked,
    check_ledger,
    child,
    ledger_answers,
    ledger_attempts,
    outcomes,
    reasons,
    values,
)

BATCH = {"mode": "batch"}
WAIT = {**BATCH, "batch_wait_seconds": HANG_SECONDS}


@pytest.fixture(autouse=True)
def quick_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at batches again soon."""
    monkeypatch.setattr(asker, "_FIRST_WAIT_SECONDS", 0.05)
    monkeypatch.setattr(asker, "_LONGEST_WAIT_SECONDS", 0.1)


@pytest.fixture
def runs(live_server: LoopbackServer) -> Runs:
    """Runs that send batches."""
    return Runs(live_server, LIVE)


@pytest.fixture
def batch(runs: Runs) -> Callable[..., Rows]:
    """Run in batch mode."""

    def run(count: int = 12, **options: Any) -> Rows:
        settings = {**BATCH, **options.pop("settings", {})}
        return runs(*jobs(count), settings=settings, **options)

    return run


def in_batches(server: LoopbackServer) -> Counter[Cell]:
    """How often each cell was put into a batch."""
    found: Counter[Cell] = Counter()
    for line in server.batches.requests:
        schema = line["body"]["response_format"]["json_schema"]["schema"]
        (job,) = [
            word
            for word in line["body"]["messages"][1]["content"].split('"')
            if word.startswith("Job ")
        ]
        found.update((job, name) for name in schema["properties"])
    return found


def open_batches() -> int:
    with open_ledger(read_only=True) as ledger:
        return ledger.stats().open_batches


def test_a_run_sends_and_the_next_one_collects(runs: Runs, batch: Callable[..., Rows]) -> None:
    """The first run ends with every cell waiting; once the batch has ended, the next has all."""
    rows = batch()
    assert outcomes(rows) == {"awaiting_llm": 12 * len(IDS)}
    assert all("in batch jobforge-" in reason for reason in reasons(rows))
    assert set(in_batches(runs.server).values()) == {1}
    assert runs.server.count == 0
    check_ledger()
    runs.server.batches.end()
    rows = batch()
    assert outcomes(rows) == {"answered": 12 * len(IDS)}
    assert len(cells(rows)) == 12 * len(IDS)
    assert {row["model_used"] for row in rows} == {"loopback-model"}
    assert len(runs.server.batches.batches) == 1
    assert open_batches() == 0
    check_ledger()


def test_what_waits_is_not_sent_again(runs: Runs, batch: Callable[..., Rows]) -> None:
    """While a batch is under way only cells that are in none are sent, in any mode."""
    batch(12)
    batch(12)
    assert len(runs.server.batches.batches) == 1
    rows = batch(15)
    assert len(runs.server.batches.batches) == 2
    assert set(in_batches(runs.server).values()) == {1}
    assert len(reasons(rows)) == 2
    stop = CountedWaits()
    rows = runs(*jobs(16), stop=stop, settings={"wait_for_others_seconds": HANG_SECONDS})
    assert outcomes(rows) == {"awaiting_llm": 15 * len(IDS), "answered": len(IDS)}
    assert stop.waits == []
    assert len(runs.asked) == 1


def test_a_live_run_collects_what_was_paid_for(runs: Runs, batch: Callable[..., Rows]) -> None:
    """Whoever goes on without batches has the answers of those that have ended."""
    batch()
    runs.server.batches.end()
    rows = runs(*jobs(12))
    assert outcomes(rows) == {"answered": 12 * len(IDS)}
    assert {asked.path for asked in runs.asked} == set()


def test_a_plan_leaves_out_what_waits(runs: Runs, batch: Callable[..., Rows]) -> None:
    """What is in a batch is not asked again, so it would take nothing."""
    batch(12)
    rows = runs(*jobs(13), settings={"mode": "plan"})
    planned = {row["job_id"]: row["estimated_calls"] for row in rows}
    assert planned == {**{f"j{n}": 0 for n in range(1, 13)}, "j13": 1 / len(IDS)}
    assert len(rows) == 13 * len(IDS)


def test_a_run_may_wait(runs: Runs) -> None:
    """With llm_batch_wait_seconds one run sends, waits and has the answers."""
    runs.server.batches.end_when_looked_at(3)
    rows = runs(*jobs(12), settings=WAIT)
    assert outcomes(rows) == {"answered": 12 * len(IDS)}
    assert set(in_batches(runs.server).values()) == {1}
    check_ledger()


def test_a_run_may_wait_for_what_another_sent(runs: Runs, batch: Callable[..., Rows]) -> None:
    """Also where nothing is left to send."""
    batch()
    runs.server.batches.end_when_looked_at(3)
    rows = runs(*jobs(12), settings=WAIT)
    assert outcomes(rows) == {"answered": 12 * len(IDS)}
    assert set(in_batches(runs.server).values()) == {1}


def test_a_wait_ends(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that takes longer is left to a later run."""
    stop = CountedWaits()
    monkeypatch.setattr(asker, "time", SimpleNamespace(monotonic=stop.clock))
    rows = runs(*jobs(3), settings={**BATCH, "batch_wait_seconds": 5}, stop=stop)
    assert sum(stop.waits) == pytest.approx(5)
    assert outcomes(rows) == {"awaiting_llm": 3 * len(IDS)}
    assert len(cells(rows)) == 3 * len(IDS)
    assert open_batches() == 1


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_a_partial_output_is_used(runs: Runs, batch: Callable[..., Rows], status: str) -> None:
    """What a batch had done before its end counts; only the rest is sent again."""
    batch(10)
    runs.server.batches.end(status, share=0.4)
    rows = batch(10)
    assert outcomes(rows) == {"answered": 4 * len(IDS), "awaiting_llm": 6 * len(IDS)}
    assert Counter(in_batches(runs.server).values()) == {1: 4 * len(IDS), 2: 6 * len(IDS)}
    assert len(ledger_attempts()) == 4
    runs.server.batches.end()
    assert outcomes(batch(10)) == {"answered": 10 * len(IDS)}
    check_ledger()


def test_a_batch_that_is_refused_ends_the_run(runs: Runs, batch: Callable[..., Rows]) -> None:
    """A file that the provider does not take costs nothing; the next run sends again."""
    batch()
    runs.server.batches.end("failed")
    with pytest.raises(FatalRunError, match=r"refused batch jobforge-.*not JSON \(line 1\)"):
        batch()
    assert len(runs.server.batches.batches) == 1
    batch()
    runs.server.batches.end()
    assert outcomes(batch()) == {"answered": 12 * len(IDS)}


def test_a_run_that_dies_between_upload_and_record(
    runs: Runs, batch: Callable[..., Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that began and was never noted is found again, and nothing is sent twice."""
    with monkeypatch.context() as broken:
        create = BatchApi.create

        def die(api: BatchApi, input_file_id: str, local_id: str) -> Any:
            create(api, input_file_id, local_id)
            raise KeyboardInterrupt

        broken.setattr(BatchApi, "create", die)
        with pytest.raises(KeyboardInterrupt):
            batch()
    assert len(runs.server.batches.batches) == 1
    rows = batch()
    assert outcomes(rows) == {"awaiting_llm": 12 * len(IDS)}
    assert len(runs.server.batches.batches) == 1
    runs.server.batches.end()
    assert outcomes(batch()) == {"answered": 12 * len(IDS)}
    assert set(in_batches(runs.server).values()) == {1}
    check_ledger()


def test_a_run_that_dies_before_the_batch_began(
    runs: Runs, batch: Callable[..., Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that is not among the provider's is given up, once it would be listed."""
    _die_at(batch, "create", monkeypatch)
    assert outcomes(batch()) == {"awaiting_llm": 12 * len(IDS)}
    assert len(runs.server.batches.batches) == 0
    monkeypatch.setattr(collector, "_LISTED_WITHIN", timedelta(0))
    batch()
    assert set(in_batches(runs.server).values()) == {1}
    runs.server.batches.end()
    assert outcomes(batch()) == {"answered": 12 * len(IDS)}


def test_a_run_that_dies_before_the_upload(
    runs: Runs, batch: Callable[..., Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a file there is no batch, so the next run sends the cells at once."""
    _die_at(batch, "upload", monkeypatch)
    batch()
    assert set(in_batches(runs.server).values()) == {1}


def test_a_run_that_died_while_it_spoke_to_another_server(
    runs: Runs, batch: Callable[..., Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where not even its file is known the batch may have begun elsewhere: nothing is sent anew."""
    _die_at(batch, "create", monkeypatch)
    files = dict(runs.server.batches.files)
    runs.server.batches.files.clear()
    monkeypatch.setattr(collector, "_LISTED_WITHIN", timedelta(0))
    said: list[str] = []
    assert outcomes(batch(log=said.append)) == {"awaiting_llm": 12 * len(IDS)}
    assert len(runs.server.batches.batches) == 0
    assert any("jobforge ledger give-up jobforge-" in line for line in said)
    runs.server.batches.files.update(files)
    batch()
    assert set(in_batches(runs.server).values()) == {1}


def _die_at(batch: Callable[..., Rows], call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(BatchApi, call, die)
        with pytest.raises(KeyboardInterrupt):
            batch()


def test_killed_while_it_sends(live_server: LoopbackServer) -> None:
    """A killed run's batch is nobody's while its claim holds; then it is found and collected."""
    live_server.batches.faults["create"].append("hang")
    one = child("run-1", 20, **BATCH)
    until(lambda: live_server.batches.batches, lambda: one.poll() is None)
    one.kill()
    one.communicate()
    assert len(live_server.batches.batches) == 1
    runs = Runs(live_server, LIVE)
    runs.number = 1
    rows = runs(*jobs(20), settings=BATCH)
    assert outcomes(rows) == {"awaiting_llm": 20 * len(IDS)}
    assert live_server.batches.calls["get"] == live_server.batches.calls["list"] == 0
    live_server.batches.end()
    expire_claims()
    assert outcomes(runs(*jobs(20), settings=BATCH)) == {"answered": 20 * len(IDS)}
    assert set(in_batches(live_server).values()) == {1}
    check_ledger()


@pytest.mark.parametrize("fault", ["lost", "500"])
def test_a_begin_that_nobody_confirmed(
    runs: Runs, batch: Callable[..., Rows], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the reply to the beginning got lost, the run fails and the next one finds out."""
    runs.server.batches.faults["create"].append(fault)
    with pytest.raises(FatalRunError, match="has begun or not, a later run finds out"):
        batch()
    assert len(runs.server.batches.batches) == (fault == "lost")
    monkeypatch.setattr(collector, "_LISTED_WITHIN", timedelta(0))
    batch()
    assert len(runs.server.batches.batches) == 1
    runs.server.batches.end()
    assert outcomes(batch()) == {"answered": 12 * len(IDS)}
    assert set(in_batches(runs.server).values()) == {1}
    check_ledger()


@pytest.mark.parametrize(
    ("call", "fault", "words"),
    [
        ("upload", "404", "the server has no Batch API"),
        ("upload", "401", "OPENAI_API_KEY"),
        ("create", "400", "rejects the request"),
    ],
)
def test_a_server_that_takes_no_batch(
    runs: Runs, batch: Callable[..., Rows], call: str, fault: str, words: str
) -> None:
    """The run fails and says why; the cells are free, and nothing was paid."""
    runs.server.batches.faults[call].append(fault)
    with pytest.raises(FatalRunError, match=words):
        batch()
    assert open_batches() == 0
    runs.server.batches.faults[call].append(fault)
    rows = batch(settings={"on_fatal": "warn"})
    assert outcomes(rows) == {"awaiting_llm": 12 * len(IDS)}
    assert any(words in reason for reason in reasons(rows))
    batch()
    assert len(runs.server.batches.batches) == 1


def test_an_upload_is_tried_again(runs: Runs, batch: Callable[..., Rows]) -> None:
    """A fault that passes during the upload is no matter."""
    runs.server.batches.faults["upload"].append("500")
    batch()
    assert runs.server.batches.calls["upload"] == 2
    assert len(runs.server.batches.batches) == 1


@pytest.mark.parametrize("call", ["get", "download"])
def test_a_server_that_fails_while_results_are_fetched(
    runs: Runs, batch: Callable[..., Rows], call: str
) -> None:
    """What could not be fetched stays in its batch for the next run."""
    batch()
    runs.server.batches.end()
    runs.server.batches.faults[call].extend(["503"] * 3)
    rows = batch()
    assert outcomes(rows) == {"awaiting_llm": 12 * len(IDS)}
    assert outcomes(batch()) == {"answered": 12 * len(IDS)}
    assert len(runs.server.batches.batches) == 1


def test_a_batch_of_another_account(runs: Runs, batch: Callable[..., Rows]) -> None:
    """A batch that the server does not know is kept, and the log says what to do."""
    batch()
    (known,) = runs.server.batches.batches.items()
    runs.server.batches.batches.clear()
    said: list[str] = []
    rows = batch(log=said.append)
    assert outcomes(rows) == {"awaiting_llm": 12 * len(IDS)}
    assert any("jobforge ledger give-up jobforge-" in line for line in said)
    runs.server.batches.batches[known[0]] = known[1]
    runs.server.batches.end()
    assert outcomes(batch()) == {"answered": 12 * len(IDS)}


@pytest.mark.parametrize(("call", "fault"), [("get", "403"), ("download", "404")])
def test_a_batch_that_cannot_be_fetched_holds_up_no_other(
    runs: Runs, batch: Callable[..., Rows], call: str, fault: str
) -> None:
    """One is named with what to do, the other is collected, and what is new is sent."""
    batch(4)
    batch(8)
    runs.server.batches.end()
    runs.server.batches.faults[call].append(fault)
    said: list[str] = []
    rows = batch(9, log=said.append)
    assert outcomes(rows) == {"answered": 4 * len(IDS), "awaiting_llm": 5 * len(IDS)}
    assert len(runs.server.batches.batches) == 3
    assert any("could not be looked at" in line and "give-up" in line for line in said)
    assert outcomes(batch(9))["answered"] == 8 * len(IDS)


def test_refused_batches_are_told_together(
    runs: Runs, batch: Callable[..., Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run learns of all that were refused, and collects what was paid for."""
    monkeypatch.setattr(batch_files, "MOST_REQUESTS", 3)
    batch(9)
    *refused, paid = runs.server.batches.batches
    for name in refused:
        runs.server.batches.end("failed", only=name)
    runs.server.batches.end(only=paid)
    said: list[str] = []
    rows = batch(9, settings={"on_fatal": "warn"}, log=said.append)
    assert outcomes(rows) == {"answered": 3 * len(IDS), "awaiting_llm": 6 * len(IDS)}
    assert sum("its cells are free again" in line for line in said) == 2
    assert open_batches() == 0


def test_a_batch_whose_files_are_late_has_not_ended(runs: Runs, batch: Callable[..., Rows]) -> None:
    """Completed, with requests done and no file yet: nothing is closed and nothing sent anew."""
    batch()
    runs.server.batches.end()
    (one,) = runs.server.batches.batches.values()
    file_id = one.pop("output_file_id")
    assert outcomes(batch()) == {"awaiting_llm": 12 * len(IDS)}
    one["output_file_id"] = file_id
    assert outcomes(batch()) == {"answered": 12 * len(IDS)}
    assert len(runs.server.batches.batches) == 1


def test_limits_of_a_file_are_kept(
    runs: Runs, batch: Callable[..., Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither more requests nor more bytes go into a file than the API takes."""
    monkeypatch.setattr(batch_files, "MOST_REQUESTS", 5)
    batch(12)
    sizes = [len(runs.server.batches.requests_of(name)) for name in runs.server.batches.files]
    assert sizes == [5, 5, 2]
    monkeypatch.setattr(batch_files, "LARGEST_BYTES", 12_000)
    batch(20)
    files = list(runs.server.batches.files.values())[3:]
    assert len(files) > 1
    assert all(len(content) <= 12_000 for content in files)
    assert set(in_batches(runs.server).values()) == {1}
    runs.server.batches.end()
    assert outcomes(batch(20)) == {"answered": 20 * len(IDS)}


def test_a_file_is_what_the_api_wants(runs: Runs, batch: Callable[..., Rows]) -> None:
    """Each line has its custom id, method, url and the very body of a live request."""
    batch(3)
    lines = runs.server.batches.requests
    assert [line["custom_id"] for line in lines] == ["00001", "00002", "00003"]
    assert {(line["method"], line["url"]) for line in lines} == {("POST", "/v1/chat/completions")}
    (one,) = runs.server.batches.batches.values()
    name = runs.server.batches.names[one["input_file_id"]]
    assert one["metadata"]["jobforge_batch"] + ".jsonl" == name
    runs.server.batches.batches.clear()
    runs(*jobs(4))
    (live,) = runs.asked
    assert set(lines[0]["body"]) == set(live.body)
    assert lines[0]["body"]["messages"][0] == live.messages[0]


def test_results_are_matched_by_custom_id(runs: Runs, batch: Callable[..., Rows]) -> None:
    """In whatever order results come, each cell has its own answer: that of a live run."""
    batch(8)
    runs.server.batches.end()
    assert values(batch(8)) == values(runs(*jobs(8), settings={"temperature": 0.5}))


FAULTS = {
    "missing_attribute": ("alone", "answered"),
    "wrong_type": ("alone", "answered"),
    "truncated": ("halves", "truncated"),
    "bad_json": ("halves", "unreadable"),
    "empty_content": ("halves", "empty"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_came_back_broken_is_asked_in_smaller_requests(
    runs: Runs, batch: Callable[..., Rows], fault: str
) -> None:
    """Halves of what could not be read, single cells that did not hold; good cells never again."""
    how, status = FAULTS[fault]
    batch(2)
    runs.server.script(fault)
    runs.server.batches.end()
    rows = batch(2)
    open_cells = 1 if how == "alone" else len(IDS)
    assert outcomes(rows)["answered"] == 2 * len(IDS) - open_cells
    assert {one["status"] for one in ledger_attempts()} == {"answered", status}
    *_, again = runs.server.batches.files.values()
    sizes = [
        len(json.loads(line)["body"]["response_format"]["json_schema"]["schema"]["properties"])
        for line in again.splitlines()
    ]
    assert sizes == ([1] if how == "alone" else [3, 2])
    runs.server.batches.end()
    assert outcomes(batch(2)) == {"answered": 2 * len(IDS)}
    check_ledger()


def test_a_cell_that_never_holds_has_its_reason(runs: Runs) -> None:
    """A waiting run asks it once more, alone, and then says what was wrong."""
    runs.server.batches.end_when_looked_at()
    runs.server.rates = {"wrong_type=reading": 1.0}

    def answer(body: dict[str, Any]) -> None:
        names = body["response_format"]["json_schema"]["schema"]["properties"]
        runs.server.rates = {"wrong_type=reading": 1.0} if "reading" in names else {}

    runs.server.answer = answer
    rows = runs(*jobs(2), settings=WAIT)
    assert outcomes(rows) == {"answered": 8, "failed": 2}
    assert reasons(rows) == {"value is not a number"}
    found = in_batches(runs.server)
    assert {found[cell] for cell in found if cell[1] == "reading"} == {2}
    assert {found[cell] for cell in found if cell[1] != "reading"} == {1}


def test_refusals_are_kept(runs: Runs, batch: Callable[..., Rows]) -> None:
    """A refusal in a batch is recorded and not asked again until told to."""
    batch(2)
    runs.server.script("refusal")
    runs.server.batches.end()
    assert outcomes(batch(2)) == {"refused": len(IDS), "answered": len(IDS)}
    assert len(runs.server.batches.batches) == 1
    batch(2, settings={"reask_refused": True})
    runs.server.batches.end()
    assert outcomes(batch(2)) == {"answered": 2 * len(IDS)}


def test_faults_of_single_requests(runs: Runs, batch: Callable[..., Rows]) -> None:
    """A request that met a fault is sent again by the run that learns of it, and only it."""
    batch(6)
    runs.server.script("500", "429", "ok")
    runs.server.batches.end()
    rows = batch(6)
    assert outcomes(rows) == {"answered": 4 * len(IDS), "awaiting_llm": 2 * len(IDS)}
    statuses = Counter(one["status"] for one in ledger_attempts())
    assert statuses == {"answered": 4, "server_fault": 1, "rate_limited": 1}
    runs.server.batches.end()
    assert outcomes(batch(6)) == {"answered": 6 * len(IDS)}


@pytest.mark.parametrize("fault", ["400", "401", "insufficient_quota", "404"])
def test_a_fault_that_every_request_meets(
    runs: Runs, batch: Callable[..., Rows], fault: str
) -> None:
    """Where every request of a batch was refused nothing more is sent, and the run fails."""
    batch(4)
    runs.server.script(*[fault] * 4)
    runs.server.batches.end()
    with pytest.raises(FatalRunError):
        batch(6)
    assert len(runs.server.batches.batches) == 1
    assert open_batches() == 0


def test_a_run_with_a_bad_file_of_results(runs: Runs, batch: Callable[..., Rows]) -> None:
    """A line that cannot be read, or is missing, or foreign, costs only its own request."""
    batch(4)
    runs.server.batches.end()
    (one,) = runs.server.batches.batches.values()
    lines = runs.server.batches.files[one["output_file_id"]].splitlines()
    lines[0] = lines[0][:-20]
    foreign = b'{"custom_id": "99999", "response": {"status_code": 200, "body": {}}, "error": null}'
    content = b"\n".join([*lines[:-1], foreign, b"[1]", b""]) + b"\n"
    runs.server.batches.files[one["output_file_id"]] = content
    said: list[str] = []
    rows = batch(4, log=said.append)
    assert outcomes(rows) == {"answered": 2 * len(IDS), "awaiting_llm": 2 * len(IDS)}
    assert any("2 lines unreadable" in line for line in said)
    assert Counter(in_batches(runs.server).values()) == {1: 2 * len(IDS), 2: 2 * len(IDS)}


def test_a_refusal_is_asked_again_once_in_a_waiting_run(runs: Runs) -> None:
    """With llm_reask_refused a run that waits does not ask what it was just refused."""
    runs.server.rates = {"refusal": 1.0}
    runs.server.batches.end_when_looked_at()
    for sent in (1, 2):
        rows = runs(*jobs(2), settings={**WAIT, "reask_refused": True})
        assert outcomes(rows) == {"refused": 2 * len(IDS)}
        assert len(runs.server.batches.batches) == sent


def test_a_stale_answer_is_there_while_its_batch_waits(
    runs: Runs, batch: Callable[..., Rows]
) -> None:
    """A cell that is asked again on new evidence keeps its answer until the new one comes."""
    batch(2)
    runs.server.batches.end()
    before = batch(2)
    asked = [request(one.job, known=[("Python", "5")]) for one in jobs(2)]
    rows = runs(*asked, settings={**BATCH, "reask_stale": True})
    assert len(runs.server.batches.batches) == 2
    assert values(rows) == values(before)
    assert all(row["is_stale"] for row in rows)


def test_a_run_waits_for_its_own_cells_alone(runs: Runs, batch: Callable[..., Rows]) -> None:
    """A batch in which none of its cells waits is not waited for."""
    batch(2, settings={"model": "another"})
    rows = runs(*jobs(2), settings={**WAIT, "max_calls": 0})
    assert outcomes(rows) == {"awaiting_llm": 2 * len(IDS)}
    assert any("llm_max_calls" in reason for reason in reasons(rows))
    assert runs.server.batches.calls["get"] <= 2


def test_an_answer_counts_wherever_it_stands(runs: Runs, batch: Callable[..., Rows]) -> None:
    """A request with an error before its answer is answered."""
    batch(2)
    runs.server.batches.end()
    (one,) = runs.server.batches.batches.values()
    lines = runs.server.batches.files[one["output_file_id"]].splitlines()
    error = {"code": "server_error", "message": "try again"}
    bad = [{**json.loads(line), "response": None, "error": error} for line in lines]
    content = [*(json.dumps(line).encode() for line in bad), *lines, b""]
    runs.server.batches.files[one["output_file_id"]] = b"\n".join(content)
    assert outcomes(batch(2)) == {"answered": 2 * len(IDS)}


def test_a_request_that_was_turned_away_says_nothing_of_estimates(
    runs: Runs, batch: Callable[..., Rows]
) -> None:
    """It took no tokens, so a plan is not corrected by it."""
    batch(2)
    runs.server.script("429", "ok")
    runs.server.batches.end()
    batch(2)
    turned_away, answered = sorted(ledger_attempts(), key=lambda one: one["prompt_tokens"])
    assert turned_away["estimated_prompt_tokens"] is None
    assert answered["estimated_prompt_tokens"] > 0


def test_another_models_faults_are_not_this_runs(runs: Runs, batch: Callable[..., Rows]) -> None:
    """A batch of a model that is unknown fails no run that asks another model."""
    batch(2, settings={"model": "retired"})
    runs.server.script("404", "404")
    runs.server.batches.end()
    batch(2)
    runs.server.batches.end()
    assert outcomes(batch(2)) == {"answered": 2 * len(IDS)}


def test_a_waiting_run_whose_batch_expires(runs: Runs) -> None:
    """What the model was never asked is sent again once; then it waits, and has not failed."""
    runs.server.batches.end_when_looked_at(2, "expired", share=0.5)
    rows = runs(*jobs(4), settings=WAIT)
    assert outcomes(rows) == {"answered": 3 * len(IDS), "awaiting_llm": len(IDS)}
    assert any("the next run sends it" in reason for reason in reasons(rows))
    assert len(runs.server.batches.batches) == 2


def test_an_edited_definition_does_not_lose_the_answer(
    runs: Runs, batch: Callable[..., Rows]
) -> None:
    """A batch's answers are checked by the definitions with which they were asked for."""
    batch(3)
    runs.server.batches.end()
    narrow = replace(ATTRIBUTES[0], scale_maximum=Decimal(1))
    edited = replace(PACK, attributes=(narrow, *ATTRIBUTES[1:]))
    rows = batch(3, packs=[edited])
    assert outcomes(rows) == {"answered": 3 * (len(IDS) - 1), "awaiting_llm": 3}
    assert outcomes(batch(3)) == {"answered": 3 * len(IDS)}


def test_caps_hold_at_the_worst_case(runs: Runs, batch: Callable[..., Rows]) -> None:
    """A run sends no more than its caps allow; the next one goes on."""
    rows = batch(12, settings={"max_calls": 5})
    assert len(runs.server.batches.requests) == 5
    assert any("llm_max_calls" in reason for reason in reasons(rows))
    rows = batch(12, settings={"max_calls": 5})
    assert len(runs.server.batches.requests) == 10
    assert outcomes(rows) == {"awaiting_llm": 12 * len(IDS)}
    assert set(in_batches(runs.server).values()) == {1}


def test_a_waiting_run_spends_what_it_did_not_need(runs: Runs) -> None:
    """The worst case is set aside until a batch has ended; what is left over sends more."""
    runs.server.batches.end_when_looked_at()
    settings = {**WAIT, "max_tokens": 60_000}
    rows = runs(*jobs(12), settings=settings)
    assert outcomes(rows) == {"answered": 12 * len(IDS)}
    assert len(runs.server.batches.batches) > 1
    assert set(in_batches(runs.server).values()) == {1}


def test_a_waiting_run_at_its_cap_waits_for_what_it_sent(runs: Runs) -> None:
    """A cap ends the sending and not the waiting; what was never sent says why."""
    runs.server.batches.end_when_looked_at(3)
    rows = runs(*jobs(12), settings={**WAIT, "max_calls": 5})
    assert outcomes(rows) == {"answered": 5 * len(IDS), "awaiting_llm": 7 * len(IDS)}
    assert all("llm_max_calls" in reason for reason in reasons(rows))
    assert len(cells(rows)) == 12 * len(IDS)


def test_nothing_is_sent_after_an_interruption(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is stopped while it fills a batch does not send it; its cells are free."""
    stop = threading.Event()
    add = batch_files.BatchDraft.add

    def add_and_stop(draft: batch_files.BatchDraft, *given: Any) -> None:
        add(draft, *given)
        stop.set()

    monkeypatch.setattr(batch_files.BatchDraft, "add", add_and_stop)
    with pytest.raises(InterruptedRunError):
        runs(*jobs(8), settings=BATCH, stop=stop)
    assert runs.server.batches.calls == {}
    assert open_batches() == 0
    check_ledger()


def test_a_batch_costs_half(runs: Runs, batch: Callable[..., Rows]) -> None:
    """The ledger has the tokens of each request, at the price of batches."""
    price = {"loopback-asked": {"input": 2, "output": 10, "batch_discount": 0.5}}
    settings = {"model": "loopback-asked", "prices": json.dumps(price)}
    batch(2, settings=settings)
    runs.server.batches.end()
    batch(2, settings=settings)
    for one in ledger_attempts():
        assert one["mode"] == "batch"
        full = (2 * one["prompt_tokens"] + 10 * one["completion_tokens"]) / 1e6
        assert one["cost_usd"] == pytest.approx(full / 2)


def test_two_runs_at_once_send_every_cell_once(live_server: LoopbackServer) -> None:
    """Batches of two runs on one ledger have no cell in common, and all are collected."""
    both = [
        child("run-1", 60, **BATCH),
        child("run-2", 60, backwards=True, **BATCH),
    ]
    for one in both:
        out, err = one.communicate(timeout=HANG_SECONDS)
        assert json.loads(out or "{}") == {"awaiting_llm": 60 * len(IDS)}, err
    assert set(in_batches(live_server).values()) == {1}
    runs = Runs(live_server, LIVE)
    runs(*jobs(60), settings=BATCH)
    live_server.batches.end()
    assert outcomes(runs(*jobs(60), settings=BATCH)) == {"answered": 60 * len(IDS)}
    assert set(in_batches(live_server).values()) == {1}
    check_ledger()


def test_runs_that_collect_at_once(live_server: LoopbackServer) -> None:
    """A batch is collected by one of them; for the other its cells wait, or are there already."""
    runs = Runs(live_server, LIVE)
    runs(*jobs(40), settings=BATCH)
    runs(*jobs(60), settings=BATCH)
    live_server.batches.end()
    for one in [child(f"run-{number}", 60, **BATCH) for number in (8, 9)]:
        out, err = one.communicate(timeout=HANG_SECONDS)
        found = json.loads(out or "{}")
        assert set(found) <= {"answered", "awaiting_llm"}, err
        assert sum(found.values()) == 60 * len(IDS), err
    assert outcomes(runs(*jobs(60), settings=BATCH)) == {"answered": 60 * len(IDS)}
    assert len(ledger_attempts()) == 60
    assert len(live_server.batches.batches) == 2
    check_ledger()


@pytest.mark.parametrize("call", ["upload", "create", "get"])
def test_an_interrupted_run_ends_soon(
    runs: Runs, batch: Callable[..., Rows], call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that hangs holds nobody up, and nothing is sent twice afterwards."""
    if call == "get":
        batch()
    runs.server.batches.faults[call].append("hang")
    stop, looks = threading.Event(), Clock()

    def look() -> float:
        looks.now += interruption._LOOK_SECONDS
        return looks.now

    monkeypatch.setattr(interruption, "time", SimpleNamespace(monotonic=look))
    server = runs.server.batches
    server.called = lambda name: stop.set() if name == call else None
    with pytest.raises(InterruptedRunError):
        batch(stop=stop)
    # The clock goes on with each look for a reply that has not come.
    assert looks.now < 2
    assert not server.released.is_set()
    assert server.calls[call] == 1
    server.called = lambda name: None
    monkeypatch.setattr(collector, "_LISTED_WITHIN", timedelta(0))
    batch()
    runs.server.batches.end()
    assert outcomes(batch()) == {"answered": 12 * len(IDS)}
    assert set(in_batches(runs.server).values()) == {1}


def test_an_interrupted_wait(runs: Runs) -> None:
    """Ctrl-C while a run waits: it ends, and the batch is left to a later run."""
    stop = CountedWaits(stop_at=3)
    with pytest.raises(InterruptedRunError):
        runs(*jobs(4), settings=WAIT, stop=stop)
    assert len(stop.waits) == 3
    assert runs.server.batches.calls["get"] <= 3
    assert open_batches() == 1
    check_ledger()


def test_no_key_is_in_a_file_or_in_the_ledger(
    runs: Runs, batch: Callable[..., Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key that a server echoes is taken out before anything is stored."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-echoed-0123456789abcdef")
    batch(2)
    assert b"sk-echoed" not in b"".join(runs.server.batches.files.values())
    runs.server.batches.end()
    (one,) = runs.server.batches.batches.values()
    content = runs.server.batches.files[one["output_file_id"]]
    content = content.replace(b"because of", b"because sk-echoed-0123456789abcdef of")
    runs.server.batches.files[one["output_file_id"]] = content
    rows = batch(2)
    assert outcomes(rows) == {"answered": 2 * len(IDS)}
    assert "sk-echoed" not in str(rows) + str(ledger_attempts())
    assert all(answer == "answered" for answer in ledger_answers().values())


def test_nothing_is_asked_of_the_batch_api_without_need(runs: Runs) -> None:
    """A live run with no open batch does not look for one."""
    runs(*jobs(2))
    assert runs.server.batches.calls == {}
    assert cells_asked(runs.asked)


def test_claims_do_not_end_during_a_long_upload(
    runs: Runs,
    batch: Callable[..., Rows],
    claims_clock: ClaimsClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another run leaves a batch alone that is being uploaded, however long that takes."""
    monkeypatch.setattr(collector, "_LISTED_WITHIN", timedelta(0))
    runs.server.batches.faults["upload"].append("hang")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(batch)
        try:
            until(lambda: runs.server.batches.calls["upload"], lambda: not first.done())
            claims_clock.pass_claims(3)
            second = Runs(runs.server, LIVE)
            second.number = 10
            rows = second(*jobs(12), settings=BATCH)
        finally:
            runs.server.batches.released.set()
    assert outcomes(rows) == {"awaiting_llm": 12 * len(IDS)}
    assert outcomes(first.result()) == {"awaiting_llm": 12 * len(IDS)}
    assert set(in_batches(runs.server).values()) == {1}
    assert len(runs.server.batches.batches) == 1


def test_batches_of_an_azure_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and batches are beside the deployment, and every call carries the version."""
    with LoopbackServer(deployment="my-gpt") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
        server.batches.end_when_looked_at(1)
        rows = Runs(server, LIVE)(*jobs(2), settings=WAIT)
        calls = dict(server.batches.calls)
    assert outcomes(rows) == {"answered": 2 * len(IDS)}
    assert {"upload", "create", "get", "download"} <= set(calls)
