"""Several runs on one ledger at the same time."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest
from jobforge.errors import InterruptedRunError
from jobforge.settings import Settings
from support.builders import IDS, jobs, run
from support.loopback_server import LoopbackServer
from support.waiting import HANG_SECONDS, CountedWaits, until

from engine.claims import ClaimsClock
from engine.runs import (
    LIVE,
    Rows,
    cells,
    cells_asked,
    check_ledger,
    child,
    codes,
    ledger_attempts,
    outcomes,
    reasons,
    stop_one_of_two,
    values,
)

WAITING = replace(LIVE, wait_for_others_seconds=HANG_SECONDS)
SHARING = {"max_in_flight": 4, "wait_for_others_seconds": HANG_SECONDS}
WAITS = "cells are being asked by another run: waiting for it"


@pytest.mark.parametrize("seed", range(2))
def test_a_run_that_sleeps_pays_nothing_twice_but_what_was_in_flight(
    live_server: LoopbackServer, seed: int
) -> None:
    """Another run takes its cells over, and it asks nothing of them any more."""

    def is_free() -> bool:
        path = os.environ["JOBFORGE_LEDGER"]
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
            try:
                connection.execute("begin immediate")
            except sqlite3.OperationalError:
                return False
        return True

    stop_one_of_two(live_server, seed, is_free)
    check_ledger()


def test_threads_ask_every_cell_once(live_server: LoopbackServer) -> None:
    """Three runs in one process share the work: no cell is asked twice, all are answered."""
    orders = [jobs(90), jobs(90)[::-1], jobs(90)[45:] + jobs(90)[:45]]
    settings = replace(WAITING, max_in_flight=4)
    # Nobody is answered before all three ask.
    live_server.hold()

    def work(number: int) -> Rows:
        return run(*orders[number], settings=settings, invocation_id=f"run-{number}")

    with ThreadPoolExecutor(3) as pool:
        started = [pool.submit(work, number) for number in range(3)]
        try:
            until(lambda: live_server.count == 3 * 4, lambda: not any(map(Future.done, started)))
        finally:
            live_server.release()
        found = [one.result() for one in started]
    for rows in found:
        assert outcomes(rows) == {"answered": 90 * len(IDS)}
        assert cells(rows) == {(f"j{n}", name) for n in range(1, 91) for name in IDS}
        assert values(rows) == values(found[0])
    assert live_server.count == 90
    assert set(cells_asked(live_server.asked).values()) == {1}
    assert {row["dbt_invocation_id"] for row in found[0]} == {"run-0", "run-1", "run-2"}
    check_ledger()


def test_processes_ask_every_cell_once(live_server: LoopbackServer) -> None:
    """Two processes, one from either end: no cell is asked twice, all are answered by both."""
    live_server.hold()
    children = [child(f"run-{n}", 120, backwards=n == 1, **SHARING) for n in range(2)]
    until(lambda: live_server.count == 2 * 4, lambda: all(one.poll() is None for one in children))
    live_server.release()
    for one in children:
        out, err = one.communicate(timeout=HANG_SECONDS)
        assert one.returncode == 0, err
        assert json.loads(out) == {"answered": 120 * len(IDS)}
    assert live_server.count == 120
    assert set(cells_asked(live_server.asked).values()) == {1}
    assert {one["run_id"] for one in ledger_attempts()} == {"run-0", "run-1"}
    check_ledger()


def begin(server: LoopbackServer, settings: Settings, count: int, run_id: str) -> Future[Rows]:
    """Begin a run for so many jobs, and return while the server holds every reply to it."""
    wanted = server.count + count
    server.hold()
    rows: Future[Rows] = Future()

    def work() -> None:
        try:
            rows.set_result(run(*jobs(count), settings=settings, invocation_id=run_id))
        except BaseException as error:  # noqa: BLE001 - it is raised where the rows are taken
            rows.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    until(lambda: server.count == wanted, lambda: not rows.done())
    # Whoever asks beside it is answered, so that this is seen and does not hang.
    server.limit = server.release
    return rows


def when_it_waits(then: Callable[[], object]) -> Callable[[str], None]:
    """Return a log that does something once a run says that it waits for another one."""
    return lambda line: then() if WAITS in line else None


def test_what_the_other_run_could_not_answer_is_said(live_server: LoopbackServer) -> None:
    """Cells that another run holds for longer than one waits are waiting, with the reason."""
    lines: list[str] = []
    first = begin(live_server, LIVE, 2, "run-1")
    settings = replace(LIVE, wait_for_others_seconds=0.2)
    rows = run(*jobs(2), settings=settings, invocation_id="run-2", log=lines.append)
    assert outcomes(rows) == {"awaiting_llm": 2 * len(IDS)}
    assert all("another run is asking" in reason for reason in reasons(rows))
    assert codes(rows) == {"other_run"}
    assert any(WAITS in line for line in lines)
    live_server.release()
    assert outcomes(first.result()) == {"answered": 2 * len(IDS)}
    assert live_server.count == 2


def test_a_run_that_waits_can_be_stopped(live_server: LoopbackServer) -> None:
    """Whoever waits for another run ends at once when it is interrupted."""
    first = begin(live_server, LIVE, 1, "run-1")
    stop = CountedWaits(stop_at=3)
    with pytest.raises(InterruptedRunError):
        run(*jobs(1), settings=WAITING, invocation_id="run-2", stop=stop)
    assert len(stop.waits) == 3
    assert not first.done()
    live_server.release()
    assert outcomes(first.result()) == {"answered": len(IDS)}


def test_a_renewal_that_fails_once_does_not_end_the_claims(
    live_server: LoopbackServer, claims_clock: ClaimsClock
) -> None:
    """A ledger that was locked for a moment costs no claim: nobody else asks for the cells."""
    claims_clock.fails = 1
    first = begin(live_server, LIVE, 2, "run-1")
    claims_clock.pass_claims(3)
    log = when_it_waits(live_server.release)
    rows = run(*jobs(2), settings=WAITING, invocation_id="run-2", log=log)
    assert claims_clock.fails == 0
    assert outcomes(rows) == {"answered": 2 * len(IDS)}
    assert outcomes(first.result()) == {"answered": 2 * len(IDS)}
    assert live_server.count == 2


def test_a_refusal_is_not_asked_again_by_a_run_beside(live_server: LoopbackServer) -> None:
    """Both want refused cells again: one asks, the other takes its answer, a refusal too."""
    live_server.rates = {"refusal": 1.0}
    run(*jobs(2), settings=LIVE)
    again = replace(WAITING, reask_refused=True)
    first = begin(live_server, again, 2, "run-2")
    log = when_it_waits(live_server.release)
    rows = run(*jobs(2), settings=again, invocation_id="run-3", log=log)
    assert outcomes(rows) == {"refused": 2 * len(IDS)}
    assert outcomes(first.result()) == {"refused": 2 * len(IDS)}
    assert live_server.count == 4


def test_a_run_that_slept_leaves_others_their_cells(live_server: LoopbackServer) -> None:
    """Stopped for longer than claims last, a run asks for nothing that another took over."""
    live_server.hold(after=4)
    sleeper = child("run-1", 40, **{**SHARING, "max_in_flight": 2}, claim_seconds=2)
    until(lambda: live_server.count == 4 + 2, lambda: sleeper.poll() is None)
    os.kill(sleeper.pid, signal.SIGSTOP)
    live_server.release()
    try:
        other = child("run-2", 40, **SHARING, claim_seconds=2)
        found = other.communicate(timeout=HANG_SECONDS)
    finally:
        os.kill(sleeper.pid, signal.SIGCONT)
    for one, (out, err) in (
        (other, found),
        (sleeper, sleeper.communicate(timeout=HANG_SECONDS)),
    ):
        assert one.returncode == 0, err
        assert json.loads(out) == {"answered": 40 * len(IDS)}
    # What was in flight was asked and not heard.
    assert live_server.count <= 40 + 2
    check_ledger()
