"""Runs that share a ledger on PostgreSQL, as those of several machines do."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
from jobforge.ledger import open_ledger
from support.builders import IDS, jobs
from support.loopback_server import LoopbackServer
from support.postgres import Server
from support.waiting import HANG_SECONDS, until

from engine.claims import expire_claims
from engine.runs import (
    Runs,
    cells_asked,
    check_ledger,
    child,
    ledger_answers,
    outcomes,
    stop_one_of_two,
)


@pytest.fixture(autouse=True)
def team_ledger(new_postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment names a database of the test's own."""
    monkeypatch.setenv("JOBFORGE_LEDGER", new_postgres_url)
    yield
    check_ledger()


def test_runs_at_once_ask_every_cell_once(live_server: LoopbackServer) -> None:
    """Two programs with the same work, one from its end: each cell is paid for once."""
    live_server.hold()
    settings = {"max_in_flight": 8, "wait_for_others_seconds": HANG_SECONDS}
    both = [child("run-1", 120, **settings), child("run-2", 120, backwards=True, **settings)]
    until(lambda: live_server.count == 2 * 8, lambda: all(one.poll() is None for one in both))
    live_server.release()
    for one in both:
        out, err = one.communicate(timeout=HANG_SECONDS)
        assert json.loads(out or "{}") == {"answered": 120 * len(IDS)}, err
    assert set(cells_asked(live_server.asked).values()) == {1}
    assert live_server.count == 120


def test_the_claims_of_a_run_that_died_expire(live_server: LoopbackServer) -> None:
    """What a killed run had claimed is asked by the next one, and what it was told is not."""
    live_server.hold(after=20)
    one = child("run-1", 60, max_in_flight=4)
    until(lambda: live_server.count == 20 + 4, lambda: one.poll() is None)
    one.kill()
    one.communicate()
    live_server.settle()
    live_server.release()
    answered = len(ledger_answers())
    assert answered == 20 * len(IDS)
    expire_claims()
    sent = live_server.count
    rows = Runs(live_server)(*jobs(60), settings={"wait_for_others_seconds": 0})
    assert outcomes(rows) == {"answered": 60 * len(IDS)}
    assert sum(cells_asked(live_server.asked[sent:]).values()) == 60 * len(IDS) - answered


@pytest.mark.parametrize("seed", range(2))
def test_a_run_that_sleeps_pays_nothing_twice_but_what_was_in_flight(
    live_server: LoopbackServer, seed: int
) -> None:
    """Wherever it is stopped, amid a transaction too, the other goes on and is not in its way."""
    stop_one_of_two(live_server, seed, is_free=lambda: True)


def test_a_database_that_is_away_costs_no_answer(
    live_server: LoopbackServer, postgres_server: Server
) -> None:
    """What came back meanwhile is recorded once it is there again, and each cell is paid once."""
    live_server.hold(after=20)
    one = child("run-1", 60, max_in_flight=8)
    until(lambda: live_server.count == 20 + 8, lambda: one.poll() is None)
    postgres_server.pause()
    with socket.create_server(("127.0.0.1", postgres_server.port)) as instead:
        live_server.release()
        connection, _ = instead.accept()
        connection.close()
    postgres_server.resume()
    out, err = one.communicate(timeout=HANG_SECONDS)
    assert json.loads(out or "{}") == {"answered": 60 * len(IDS)}, err
    assert set(cells_asked(live_server.asked).values()) == {1}


def test_batches_are_collected_by_whoever_comes(live_server: LoopbackServer) -> None:
    """One machine sends a batch, another collects it."""
    one = child("run-1", 20, mode="batch")
    out, err = one.communicate(timeout=HANG_SECONDS)
    assert json.loads(out or "{}") == {"awaiting_llm": 20 * len(IDS)}, err
    live_server.batches.end()
    rows = Runs(live_server)(*jobs(20), settings={"mode": "batch"})
    assert outcomes(rows) == {"answered": 20 * len(IDS)}
    assert len(live_server.batches.batches) == 1
    with open_ledger(read_only=True) as ledger:
        assert ledger.stats().open_batches == 0
