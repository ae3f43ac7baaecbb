"""What a run left behind: at the server, in its rows and in the ledger."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from jobforge.ledger import open_ledger
from jobforge.reasons import ReasonCode
from jobforge.settings import Settings
from support.builders import IDS, run
from support.loopback_server import Asked, LoopbackServer
from support.waiting import HANG_SECONDS, until

TESTS = Path(__file__).parents[1]
# Long enough that a busy machine lets a run show in time that it lives.
CLAIM_SECONDS = 5.0
LIVE = Settings(mode="live", model="asked-model", timeout_seconds=HANG_SECONDS, max_calls=10_000)
# One request after the other, so that a script of faults meets the jobs in their order.
IN_TURN = replace(LIVE, max_in_flight=1)

Rows = list[dict[str, Any]]
Cell = tuple[str, str]


def title(asked: Asked) -> str:
    """The title of the job that a request is about."""
    found = re.search(r'"title":("(?:[^"\\]|\\.)*")', asked.messages[1]["content"])
    assert found
    return str(json.loads(found[1]))


def cells_asked(asked: Iterable[Asked]) -> Counter[Cell]:
    """How often each cell, a job's title and an attribute, was asked for."""
    return Counter((title(one), name) for one in asked for name in one.attribute_ids)


def outcomes(rows: Rows) -> dict[str, int]:
    return dict(Counter(row["outcome"] for row in rows))


def reasons(rows: Rows) -> set[str]:
    return {row["reason"] for row in rows if row["reason"]}


def codes(rows: Rows) -> set[str]:
    """The codes of the cells without an answer, each of them of the closed list."""
    for row in rows:
        assert (row["reason_code"] is None) == (row["reason"] is None)
        if row["reason_code"] is not None:
            assert row["outcome"] in ReasonCode(row["reason_code"]).statuses, row
    return {row["reason_code"] for row in rows if row["reason_code"]}


def cells(rows: Rows) -> set[Cell]:
    """The cells of the rows, each of which is there once."""
    found = [(row["job_id"], row["attribute_id"]) for row in rows]
    assert len(set(found)) == len(found)
    return set(found)


def values(rows: Rows) -> dict[Cell, str]:
    """The answers by cell."""
    return {
        (row["job_id"], row["attribute_id"]): row["value"]
        for row in rows
        if row["outcome"] == "answered"
    }


class Runs:
    """Runs on one ledger, each with an id of its own and the requests that only it sent."""

    def __init__(self, server: LoopbackServer, settings: Settings = LIVE) -> None:
        self.server = server
        self.settings = settings
        self.asked: list[Asked] = []
        self.number = 0

    def __call__(self, *requests: Any, **options: Any) -> Rows:
        """Run; `settings` may also be a mapping of what differs."""
        self.number += 1
        settings = options.pop("settings", {})
        if isinstance(settings, Mapping):
            settings = replace(self.settings, **settings)
        before = len(self.server.asked)
        try:
            return run(*requests, settings=settings, invocation_id=f"run-{self.number}", **options)
        finally:
            self.asked = self.server.asked[before:]

    @property
    def cells_asked(self) -> Counter[Cell]:
        """What the last run asked for."""
        return cells_asked(self.asked)


def ledger_answers() -> dict[Cell, str]:
    """What the ledger has: answered or refused, by job id and attribute."""
    with open_ledger(read_only=True) as ledger:
        rows = ledger.answers().read_all().to_pylist()
    return {(row["job_id"], row["attribute_id"]): row["outcome"] for row in rows}


def ledger_attempts(run_id: str | None = None) -> Rows:
    """The ledger's attempts, or one run's."""
    with open_ledger(read_only=True) as ledger:
        rows: Rows = ledger.attempts(run_id).read_all().to_pylist()
    return rows


def check_ledger() -> None:
    """Every hash of the ledger is what it should be, and no claim was left."""
    with open_ledger(read_only=True) as ledger:
        assert list(ledger.verify()) == []
        assert ledger.stats().claims == 0


def child(
    invocation_id: str,
    jobs: int,
    *,
    backwards: bool = False,
    claim_seconds: float = HANG_SECONDS,
    **settings: Any,
) -> Any:
    """Start a run for so many jobs in a process of its own, in this environment.

    claim_seconds: how long its claims last where it does not renew them.
    """
    given = {**asdict(LIVE), **settings}
    given["max_cost_usd"] = str(given["max_cost_usd"])
    program = str(TESTS / "engine" / "child.py")
    words = [invocation_id, str(jobs), str(backwards), str(claim_seconds), json.dumps(given)]
    return subprocess.Popen(
        [sys.executable, program, *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stop_one_of_two(server: LoopbackServer, seed: int, is_free: Callable[[], bool]) -> None:
    """Stop one of two runs amid its work until the other has ended, and check what was paid.

    is_free: says whether nobody holds the ledger; a run is stopped while that is so.
    """
    in_flight, choice = 4, random.Random(seed)
    settings = {"max_in_flight": in_flight, "wait_for_others_seconds": HANG_SECONDS}
    server.delay_seconds = 0.02
    both = [
        child(f"run-{n}", 40, backwards=n == 2, claim_seconds=CLAIM_SECONDS, **settings)
        for n in (1, 2)
    ]
    moment = choice.randrange(1, 36)
    until(lambda: server.count >= moment, lambda: all(one.poll() is None for one in both))
    sleeper, other = choice.sample(both, 2)
    sleeper.send_signal(signal.SIGSTOP)
    while not is_free():
        sleeper.send_signal(signal.SIGCONT)
        time.sleep(0.005)
        sleeper.send_signal(signal.SIGSTOP)
    found = other.communicate(timeout=HANG_SECONDS)
    sleeper.send_signal(signal.SIGCONT)
    for out, err in (found, sleeper.communicate(timeout=HANG_SECONDS)):
        assert json.loads(out or "{}") == {"answered": 40 * len(IDS)}, err
    twice = [times for times in cells_asked(server.asked).values() if times > 1]
    assert set(twice) <= {2}
    assert len(twice) <= in_flight * len(IDS)
