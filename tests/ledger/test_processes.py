"""Several processes on one ledger: no cell is given twice, no answer is lost."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from jobforge.ledger import Ledger, claims, open_ledger
from support.waiting import HANG_SECONDS

from ledger.builders import asked, attempt, cell_keys

# Longer than any test takes, and not so long that a wrong clock could have made it.
LONG = timedelta(minutes=50)
SPAWN = multiprocessing.get_context("spawn")


def _claim(url: str, run_id: str, keys: list[str], together: object, given: object) -> None:
    with open_ledger(url) as ledger:
        random.Random(run_id).shuffle(keys)
        together.wait()  # type: ignore[attr-defined]
        mine: set[str] = set()
        for first in range(0, len(keys), 100):
            mine |= ledger.claim(keys[first : first + 100], run_id, LONG)
        given.put(mine)  # type: ignore[attr-defined]


def test_processes_that_claim_at_once_never_get_the_same_cell(url: str) -> None:
    """Three processes that claim the same 1,000 cells together get each cell once."""
    open_ledger(url).close()
    keys = [f"{number:064}" for number in range(1000)]
    together, given = SPAWN.Barrier(3), SPAWN.Queue()
    processes = [
        SPAWN.Process(target=_claim, args=(url, f"run-{n}", keys, together, given))
        for n in range(3)
    ]
    for process in processes:
        process.start()
    shares = [given.get(timeout=HANG_SECONDS) for _ in processes]
    for process in processes:
        process.join(HANG_SECONDS)
    assert sum(map(len, shares)) == 1000
    assert set().union(*shares) == set(keys)


def _ask_all(url: str, run_id: str, jobs: int, together: object, asked_cells: object) -> None:
    with open_ledger(url) as ledger:
        order = list(range(1, jobs + 1))
        random.Random(run_id).shuffle(order)
        together.wait()  # type: ignore[attr-defined]
        paid: list[str] = []
        for job in order:
            request = asked(job)
            keys = cell_keys(request)
            mine = ledger.claim(keys, run_id, LONG)
            if mine == set(keys):
                paid += keys
                ledger.record([attempt(request, f"{run_id}-{job}", run_id=run_id)])
            else:
                assert not mine
        asked_cells.put(paid)  # type: ignore[attr-defined]


def test_runs_that_ask_the_same_jobs_at_once_pay_each_cell_once(url: str) -> None:
    """Claiming and recording against each other, two runs ask every cell, and none twice."""
    open_ledger(url).close()
    together, asked_cells = SPAWN.Barrier(2), SPAWN.Queue()
    processes = [
        SPAWN.Process(target=_ask_all, args=(url, f"run-{n}", 100, together, asked_cells))
        for n in range(2)
    ]
    for process in processes:
        process.start()
    paid = [key for _ in processes for key in asked_cells.get(timeout=HANG_SECONDS)]
    for process in processes:
        process.join(HANG_SECONDS)
    assert len(paid) == len(set(paid)) == 200
    with open_ledger(url) as ledger:
        stats = ledger.stats()
        assert (stats.attempts, stats.answered, stats.claims) == (100, 200, 0)


def _claim_and_die(url: str, keys: list[str]) -> None:
    ledger = open_ledger(url)
    ledger.claim(keys, "dead", LONG)
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_claims_of_a_killed_run_end(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells that a killed run had claimed are given after their time, and not before."""
    with open_ledger(url) as ledger:
        keys = cell_keys(asked())
        process = SPAWN.Process(target=_claim_and_die, args=(url, keys))
        process.start()
        process.join(HANG_SECONDS)
        assert process.exitcode == -signal.SIGKILL
        assert ledger.claim(keys, "next", LONG) == set()
        monkeypatch.setattr(claims, "_now", _moved(claims._now, LONG.total_seconds()))
        assert ledger.claim(keys, "next", LONG) == set(keys)


def _moved(now: Callable[[], float], later: float) -> Callable[[], float]:
    return lambda: now() + later


def _open(url: str, together: object, opened: object) -> None:
    together.wait()  # type: ignore[attr-defined]
    with open_ledger(url) as ledger:
        opened.put(ledger.stats().schema_version)  # type: ignore[attr-defined]


def test_processes_that_open_a_new_ledger_at_once_make_one(url: str) -> None:
    """A ledger is made once, however many processes find none."""
    together, opened = SPAWN.Barrier(3), SPAWN.Queue()
    processes = [SPAWN.Process(target=_open, args=(url, together, opened)) for _ in range(3)]
    for process in processes:
        process.start()
    versions = [opened.get(timeout=HANG_SECONDS) for _ in processes]
    for process in processes:
        process.join(HANG_SECONDS)
    assert len(set(versions)) == 1


WRITER = """
import sys
from ledger.builders import asked, attempt
from jobforge.ledger import open_ledger
with open_ledger(sys.argv[1]) as ledger:
    for group in range(int(sys.argv[2]), 10_000):
        ledger.record([attempt(asked(job)) for job in range(group * 10, group * 10 + 10)])
        print(group, flush=True)
"""


@pytest.fixture
def writer(url: str) -> Callable[[int], subprocess.Popen[str]]:
    """Starts a process that records ten attempts at a time and says when each group is in."""
    tests = Path(__file__).resolve().parent.parent

    def start(first: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", WRITER, url, str(first)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(tests)},
        )

    return start


def test_a_ledger_is_read_while_another_process_writes(
    url: str, writer: Callable[[int], subprocess.Popen[str]]
) -> None:
    """A reader sees whole groups, more and more of them, and keeps nobody from writing."""
    open_ledger(url).close()
    process = writer(0)
    assert process.stdout is not None
    try:
        with open_ledger(url, read_only=True) as ledger:
            for _ in range(3):
                said = int(process.stdout.readline())
                seen = ledger.stats().attempts
                assert seen >= (said + 1) * 10
                assert seen % 10 == 0
    finally:
        process.kill()
        process.communicate()


def test_nothing_recorded_is_lost_to_kill_9(
    url: str, writer: Callable[[int], subprocess.Popen[str]]
) -> None:
    """A writer killed at ten random moments leaves every group it reported, whole and valid."""
    moments = random.Random(11)
    reported = 0
    for _ in range(10):
        process = writer(reported)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(moments.uniform(0, 0.05))
        process.kill()
        rest, _ = process.communicate()
        reported += 1 + len(rest.splitlines())
        with open_ledger(url) as ledger:
            _check_groups(ledger, reported)
            reported = ledger.stats().attempts // 10


def _check_groups(ledger: Ledger, reported: int) -> None:
    stats = ledger.stats()
    assert stats.attempts % 10 == 0
    assert reported * 10 <= stats.attempts <= (reported + 1) * 10
    assert stats.answered == 2 * stats.attempts
    assert list(ledger.verify()) == []
