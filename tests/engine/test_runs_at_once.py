"""Several runs on one ledger at the same time."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from jobforge.errors import InterruptedRunError
from jobforge.ledger import LedgerBusyError
from jobforge.ledger.store import Ledger
from support.builders import IDS, jobs, run
from support.loopback_server import LoopbackServer

from engine.runs import (
    LIVE,
    Rows,
    cells,
    cells_asked,
    check_ledger,
    child,
    ledger_attempts,
    outcomes,
    reasons,
    values,
)

WAITING = replace(LIVE, wait_for_others_seconds=60)


def test_threads_ask_every_cell_once(live_server: LoopbackServer) -> None:
    """Three runs in one process share the work: no cell is asked twice, all are answered."""
    live_server.delay_seconds = 0.05
    orders = [jobs(90), jobs(90)[::-1], jobs(90)[45:] + jobs(90)[:45]]
    settings = replace(WAITING, max_in_flight=4)
    together = threading.Barrier(3)

    def work(number: int) -> Rows:
        together.wait()
        return run(*orders[number], settings=settings, invocation_id=f"run-{number}")

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(work, range(3)))
    for rows in found:
        assert outcomes(rows) == {"answered": 90 * len(IDS)}
        assert cells(rows) == {(f"j{n}", name) for n in range(1, 91) for name in IDS}
        assert values(rows) == values(found[0])
    assert live_server.count == 90
    assert set(cells_asked(live_server.asked).values()) == {1}
    assert len({row["dbt_invocation_id"] for row in found[0]}) > 1, "one run did it all"
    check_ledger()


def test_processes_ask_every_cell_once(live_server: LoopbackServer) -> None:
    """Two processes, one from either end: no cell is asked twice, all are answered by both."""
    live_server.delay_seconds = 0.3
    children = [child(f"run-{n}", 120, backwards=n == 1, max_in_flight=4) for n in range(2)]
    for one in children:
        out, err = one.communicate(timeout=120)
        assert one.returncode == 0, err
        assert json.loads(out) == {"answered": 120 * len(IDS)}
    assert live_server.count == 120
    assert set(cells_asked(live_server.asked).values()) == {1}
    assert {one["run_id"] for one in ledger_attempts()} == {"run-0", "run-1"}
    check_ledger()


def test_what_the_other_run_could_not_answer_is_said(
    live_server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cells that another run holds for longer than one waits are waiting, with the reason."""
    live_server.delay_seconds = 1.5
    lines: list[str] = []
    first: list[Rows] = []
    holder = threading.Thread(target=lambda: first.append(run(*jobs(2), settings=LIVE)))
    holder.start()
    while live_server.count < 2:
        holder.join(0.01)
    settings = replace(LIVE, wait_for_others_seconds=0.2)
    rows = run(*jobs(2), settings=settings, invocation_id="run-2", log=lines.append)
    assert outcomes(rows) == {"awaiting_llm": 2 * len(IDS)}
    assert all("another run is asking" in reason for reason in reasons(rows))
    assert any("waiting for it" in line for line in lines)
    holder.join()
    assert outcomes(first[0]) == {"answered": 2 * len(IDS)}
    assert live_server.count == 2


def test_a_run_that_waits_can_be_stopped(live_server: LoopbackServer) -> None:
    """Whoever waits for another run ends at once when it is interrupted."""
    live_server.delay_seconds = 2
    holder = threading.Thread(target=lambda: run(*jobs(1), settings=LIVE))
    holder.start()
    while live_server.count < 1:
        holder.join(0.01)
    stop = threading.Event()
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    with pytest.raises(InterruptedRunError):
        run(*jobs(1), settings=WAITING, invocation_id="run-2", stop=stop)
    assert holder.is_alive()
    holder.join()


def test_a_renewal_that_fails_once_does_not_end_the_claims(
    live_server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger that was locked for a moment costs no claim: nobody else asks for the cells."""
    monkeypatch.setattr("jobforge.answers.claims._CLAIM", timedelta(seconds=1.5))
    monkeypatch.setattr("jobforge.answers.claims._RENEW_SECONDS", 0.3)
    renew = Ledger.renew
    failed: list[str] = []

    def fail_once(ledger: Ledger, run_id: str, ttl: timedelta) -> int:
        if not failed:
            failed.append(run_id)
            raise LedgerBusyError("another program kept the ledger locked")
        return renew(ledger, run_id, ttl)

    monkeypatch.setattr(Ledger, "renew", fail_once)
    live_server.delay_seconds = 4
    holder = threading.Thread(target=lambda: run(*jobs(2), settings=LIVE))
    holder.start()
    while live_server.count < 2:
        holder.join(0.01)
    rows = run(*jobs(2), settings=WAITING, invocation_id="run-2")
    holder.join()
    assert failed
    assert outcomes(rows) == {"answered": 2 * len(IDS)}
    assert live_server.count == 2


def test_a_refusal_is_not_asked_again_by_a_run_beside(live_server: LoopbackServer) -> None:
    """Both want refused cells again: one asks, the other takes its answer, a refusal too."""
    live_server.rates = {"refusal": 1.0}
    run(*jobs(2), settings=LIVE)
    live_server.delay_seconds = 1.5
    again = replace(WAITING, reask_refused=True)
    holder = threading.Thread(target=lambda: run(*jobs(2), settings=again, invocation_id="run-2"))
    holder.start()
    while live_server.count < 4:
        holder.join(0.01)
    rows = run(*jobs(2), settings=again, invocation_id="run-3")
    holder.join()
    assert outcomes(rows) == {"refused": 2 * len(IDS)}
    assert live_server.count == 4


def test_a_run_that_slept_leaves_others_their_cells(live_server: LoopbackServer) -> None:
    """Stopped for longer than claims last, a run asks for nothing that another took over."""
    live_server.delay_seconds = 0.2
    sleeper = child("run-1", 40, max_in_flight=2, wait_for_others_seconds=60)
    while live_server.count < 4 and sleeper.poll() is None:
        time.sleep(0.01)
    os.kill(sleeper.pid, signal.SIGSTOP)
    try:
        rows = run(*jobs(40), settings=WAITING, invocation_id="run-2")
    finally:
        os.kill(sleeper.pid, signal.SIGCONT)
    out, err = sleeper.communicate(timeout=120)
    assert sleeper.returncode == 0, err
    assert json.loads(out) == {"answered": 40 * len(IDS)}
    assert outcomes(rows) == {"answered": 40 * len(IDS)}
    # What was in flight was asked and not heard.
    assert live_server.count <= 40 + 2
    check_ledger()
