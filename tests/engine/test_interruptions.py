"""Runs that end before their end: interrupted, or killed at any moment."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from jobforge.answers.attempts import Attempt
from jobforge.answers.bookkeeper import Bookkeeper
from jobforge.errors import InterruptedRunError
from jobforge.pipeline import impute
from jobforge.requests.keys import KeyedRequest, Keyer
from support.builders import (
    IDS,
    jobs,
    packs_table,
    prices_table,
    recorded_table,
    requests_table,
)
from support.loopback_server import LoopbackServer
from support.waiting import HANG_SECONDS, WaitedTime, until

from engine.claims import expire_claims
from engine.runs import (
    IN_TURN,
    LIVE,
    Runs,
    cells,
    cells_asked,
    check_ledger,
    child,
    ledger_answers,
    ledger_attempts,
    outcomes,
)


@pytest.fixture
def runs(live_server: LoopbackServer) -> Runs:
    """Runs against a server in which all goes well."""
    return Runs(live_server)


class _Stop:
    """An event, and when it was set by a clock."""

    def __init__(self, clock: WaitedTime) -> None:
        self.event = threading.Event()
        self.clock = clock
        self.at = 0.0

    def set(self) -> None:
        self.at = self.clock.now
        self.event.set()

    @property
    def seconds_ago(self) -> float:
        """How long ago it was set."""
        assert self.at
        return self.clock.now - self.at


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch) -> _Stop:
    """A stop for a run whose time is what it waits."""
    clock = WaitedTime()
    monkeypatch.setattr(asyncio.events, "new_event_loop", clock.loop)
    monkeypatch.setattr("jobforge.live.blocking._LAST_WAIT_SECONDS", HANG_SECONDS)
    return _Stop(clock)


def test_an_interrupted_run_ends_soon_and_keeps_all(
    runs: Runs, stop: _Stop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within two seconds, however much is left; each reply that came is in the ledger."""
    keyed, read = Keyer.keyed, 0

    def counted(keyer: Keyer, *given: Any) -> KeyedRequest:
        nonlocal read
        read += 1
        return keyed(keyer, *given)

    def stop_amid(body: dict[str, Any]) -> None:
        if runs.server.count >= 100 and not stop.at:
            stop.set()

    monkeypatch.setattr(Keyer, "keyed", counted)
    runs.server.answer = stop_amid
    # What is asked later than this has no reply.
    runs.server.hold(after=100)
    with pytest.raises(InterruptedRunError, match="what was answered is kept"):
        runs(*jobs(20_000), stop=stop.event, settings={"max_in_flight": 32})
    assert stop.seconds_ago < 2
    assert 100 <= read < 10_000
    assert 100 <= len(runs.asked) <= 100 + 32
    assert len(ledger_answers()) == 100 * len(IDS)
    check_ledger()


def test_what_hangs_is_cut_off(runs: Runs, stop: _Stop) -> None:
    """A server that does not reply holds nobody up; the attempts are on record."""
    runs.server.script(*["ok"] * 3)
    runs.server.rates = {"slow": 1.0}
    # It is told of each request that hangs before it counts it.
    runs.server.limit = lambda: stop.set() if runs.server.count + 1 == 3 + 8 else None
    with pytest.raises(InterruptedRunError):
        runs(*jobs(50), stop=stop.event, settings={"max_in_flight": 8})
    assert stop.seconds_ago < 2
    assert len(ledger_answers()) == 3 * len(IDS)
    statuses = [one["status"] for one in ledger_attempts()]
    assert Counter(statuses) == {"answered": 3, "interrupted": 8}
    assert len(runs.asked) == 3 + 8
    check_ledger()


def test_a_wait_between_tries_is_cut_short(runs: Runs, stop: _Stop) -> None:
    """A run that waits as the server asked can be interrupted."""
    runs.server.rates = {"429=120": 1.0}

    def stop_when_it_waits(line: str) -> None:
        if "nothing is sent for" in line:
            stop.set()

    with pytest.raises(InterruptedRunError):
        runs(*jobs(20), stop=stop.event, log=stop_when_it_waits)
    assert stop.seconds_ago < 2


def test_no_answer_is_given_out_before_it_is_durable(
    live_server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever row has left, its answer is on the disk: a kill at that moment loses nothing."""
    monkeypatch.setattr("jobforge.pipeline._ROWS_PER_BATCH", 1)
    write = Bookkeeper.write

    def write_slowly(books: Bookkeeper, attempts: Sequence[Attempt]) -> None:
        time.sleep(0.1)
        write(books, attempts)

    monkeypatch.setattr(Bookkeeper, "write", write_slowly)
    reader = impute(
        packs_table(),
        requests_table(*jobs(30)),
        recorded_table(),
        prices_table(),
        LIVE,
        invocation_id="run-1",
        log=lambda line: None,
    )
    given = 0
    for batch in reader:
        rows = batch.to_pylist()
        assert cells(rows) <= set(ledger_answers())
        given += len(rows)
    assert given == 30 * len(IDS)


def test_the_next_run_goes_on(runs: Runs) -> None:
    """After an interruption only what is left is asked."""
    stop = threading.Event()

    def stop_amid(body: dict[str, Any]) -> None:
        if runs.server.count == 5:
            stop.set()

    runs.server.answer = stop_amid
    with pytest.raises(InterruptedRunError):
        runs(*jobs(20), stop=stop, settings=IN_TURN)
    assert len(runs.asked) == 5
    rows = runs(*jobs(20))
    assert len(runs.asked) == 15
    assert outcomes(rows) == {"answered": 20 * len(IDS)}


def test_a_run_that_was_stopped_before_asks_nothing(runs: Runs) -> None:
    """Where the stop came first, no request is sent."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(InterruptedRunError):
        runs(*jobs(20), stop=stop)
    assert runs.asked == []
    check_ledger()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_killed_run_loses_no_answer_that_it_had(live_server: LoopbackServer, seed: int) -> None:
    """Killed again and again at random moments, the runs that follow ask no answered cell."""
    rng = random.Random(seed)
    live_server.delay_seconds = 0.05
    # Waiting for dead runs is the claims' business: here they end before the next run comes.
    settings: dict[str, Any] = {"max_in_flight": 4, "wait_for_others_seconds": 0}
    for number in range(4):
        before = set(ledger_answers()) if number else set()
        sent = live_server.count
        wanted = sent + rng.randrange(1, 40)
        # However late the kill comes, the run has not come to its end.
        live_server.hold(after=wanted + 30)
        one = child(f"run-{number}", 300, **settings)
        until(partial(_has_asked, live_server, wanted), partial(_lives, one))
        time.sleep(rng.random() * 0.1)
        assert _lives(one), one.stderr.read()
        one.kill()
        one.communicate()
        live_server.settle()
        live_server.release()
        asked = cells_asked(live_server.asked[sent:])
        assert live_server.count > sent
        again = {(name.replace("Job ", "j"), attribute) for name, attribute in asked}
        assert not again & before
        assert set(asked.values()) == {1}
        expire_claims()
    before = set(ledger_answers())
    assert before
    sent = live_server.count
    last = child("run-last", 300, **{**settings, "max_in_flight": 64})
    out, err = last.communicate(timeout=HANG_SECONDS)
    assert json.loads(out or "{}") == {"answered": 300 * len(IDS)}, err
    asked = cells_asked(live_server.asked[sent:])
    assert not {(name.replace("Job ", "j"), attribute) for name, attribute in asked} & before
    assert len(before) + sum(asked.values()) == 300 * len(IDS)
    # What a kill cost: what was in flight, and what had come but was not on the disk yet.
    assert live_server.count - 300 <= 4 * 2 * 4
    check_ledger()


def _has_asked(server: LoopbackServer, wanted: int) -> bool:
    return server.count >= wanted


def _lives(process: Any) -> bool:
    return process.poll() is None
