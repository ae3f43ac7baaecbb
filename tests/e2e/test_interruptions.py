"""`dbt build` as users run it, where a run ends before its end or another runs beside it."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import closing
from dataclasses import dataclass
from threading import Event
from typing import Any

import pytest
from jobforge.ledger import open_ledger
from support.loopback_server import Asked, LoopbackServer
from support.waiting import HANG_SECONDS

from e2e.runs import BUILD, Run, Started, Warehouse
from e2e.scenes import (
    Cell,
    Scene,
    Step,
    cells_of,
    check_complete,
    check_paid_once,
    wait_until,
)
from e2e.test_llm_modes import KEY, answer, missing_cells

MODEL = ("run", "--select", "llm_imputed_attributes")
TO_GOLD = (*BUILD, "llm_imputed_attributes+")
COMPILED = 'Writing injected SQL for node "model.jobforge.llm_imputed_attributes"'
ASKED = "OK created python table model main_intermediate.llm_imputed_attributes"
HEARD = "CANCEL query"
HANG = "slow"
# A run that waited for a server that hangs would do so for an hour.
TIME_OUT_SECONDS = 3600
STOPS_WITHIN = TIME_OUT_SECONDS / 3
# Far more than a signal takes that was not slept through.
PRESSED_AGAIN_AFTER = 60
KILLS = 10
IN_FLIGHT = 4
LIVE = {
    "llm_mode": "live",
    "llm_max_calls": 1000,
    "llm_max_in_flight": IN_FLIGHT,
    "llm_timeout_seconds": TIME_OUT_SECONDS,
}
# The server's clock: in two of its seconds it replies four times to each that is in flight.
REPLY_SECONDS = 0.5

# SQLite's own full disk: no connection of a run may let the ledger grow beyond so many pages.
# A ledger that has more already may not grow at all; the whole demo takes 170.
FULL, HALF = 1, 90
SMALL_DISK = """
import os, sqlite3

_connect = sqlite3.connect

def _connect_to_a_small_disk(*args, **options):
    connection = _connect(*args, **options)
    connection.execute(f"pragma max_page_count = {os.environ['LEDGER_PAGES']}")
    return connection

sqlite3.connect = _connect_to_a_small_disk
"""


def killed(server: LoopbackServer, warehouse: Warehouse) -> Scene:
    """Kill ten runs, each at another moment, then let one end."""
    scene, choice = Scene(warehouse, server), random.Random(6)

    def kill(command: tuple[str, ...], moment: Callable[[str], bool], most_seconds: float) -> None:
        started = scene.start(*command)
        wait_until(lambda: moment(started.console.read_text("utf-8")), started)
        time.sleep(choice.uniform(0, most_seconds))
        started.process.kill()
        scene.end(started)
        # A dead run's claims end after a minute: let it pass in no time.
        with closing(sqlite3.connect(warehouse.ledger)) as connection:
            connection.execute("delete from claimant")
            connection.commit()

    server.delay_seconds = 0.15
    # Eight times amid its requests, once before them, once while what came of all goes to gold.
    for requests in [choice.randrange(1, 12) for _ in range(KILLS - 2)]:
        command = choice.choice([MODEL, TO_GOLD])
        kill(command, lambda _, wanted=requests: scene.count >= wanted, 0.1)
    kill(TO_GOLD, lambda _: True, 3)
    kill(TO_GOLD, lambda output: ASKED in output, 1.5)
    scene.end(scene.start(*TO_GOLD))
    return scene


@dataclass(frozen=True)
class Interrupted:
    """A run that got Ctrl-C.

    replied: the cells of the replies that the run had got before. sent_later: requests that came
    after dbt had heard it.
    """

    step: Step
    replied: set[Cell]
    sent_later: int


def interrupted(
    server: LoopbackServer, warehouse: Warehouse
) -> tuple[Scene, dict[str, Interrupted]]:
    """Send Ctrl-C to a run that hangs, to one amid its requests and to one yet to ask."""
    scene = Scene(warehouse, server)

    def interrupt(moment: Callable[[Started], bool], replies: int = 0) -> Interrupted:
        started = scene.start(*TO_GOLD, "--debug")
        wait_until(lambda: moment(started), started)
        press_ctrl_c(started)
        count = scene.count
        server.release()
        try:
            started.process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            started.process.kill()
        step = scene.end(started)
        # Each hand asks its next request only after the reply before is recorded.
        replied = set().union(*map(cells_of, step.asked[:replies]))
        return Interrupted(step, replied, len(step.asked) - count)

    found = {}
    server.rates = {HANG: 1.0}
    found["hanging"] = interrupt(lambda _: scene.count == IN_FLIGHT)
    server.rates = {}
    server.delay_seconds = REPLY_SECONDS
    replies = 4 * IN_FLIGHT
    server.hold(after=server.count + replies)
    found["amid"] = interrupt(lambda _: scene.count == replies + IN_FLIGHT, replies)
    server.delay_seconds = 0.0
    server.rates = {HANG: 1.0}
    found["beginning"] = interrupt(lambda run: COMPILED in run.console.read_text("utf-8"))
    server.rates = {}
    scene.end(scene.start(*TO_GOLD))
    return scene, found


def press_ctrl_c(started: Started) -> None:
    """Send SIGINT until dbt has heard it.

    Python's main thread sleeps through a signal that comes just as it goes to sleep.
    """
    for _ in range(3):
        started.process.send_signal(signal.SIGINT)
        until = time.monotonic() + PRESSED_AGAIN_AFTER
        while time.monotonic() < until:
            if HEARD in started.console.read_text("utf-8"):
                return
            time.sleep(0.005)
    raise AssertionError(started.console.read_text("utf-8"))


def full(server: LoopbackServer, warehouse: Warehouse) -> Scene:
    """Run with a disk that is full, then with one that fills up, then with one that has room."""
    scene = Scene(warehouse, server)
    hook = warehouse.folder / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(SMALL_DISK)
    path = os.pathsep.join(filter(None, [str(hook), os.environ.get("PYTHONPATH")]))
    open_ledger(str(warehouse.ledger)).close()
    for pages in (FULL, HALF):
        scene.end(scene.start(*MODEL, env={"PYTHONPATH": path, "LEDGER_PAGES": str(pages)}))
    scene.end(scene.start(*TO_GOLD))
    return scene


@dataclass(frozen=True)
class AtOnce:
    """Two runs with one ledger, and a third on the first one's warehouse while both asked."""

    warehouses: tuple[Warehouse, Warehouse]
    runs: list[Run]
    locked_out: Run
    asked: list[Asked]
    run_ids: set[str]


def at_once(server: LoopbackServer, *warehouses: Warehouse) -> AtOnce:
    """Run on two warehouses with one ledger; while both ask, run on the first one again."""
    released = Event()

    def reply(body: dict[str, Any]) -> dict[str, Any]:
        released.wait(HANG_SECONDS)
        return answer(body)

    server.answer = reply
    first, second = warehouses
    env = {
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_API_KEY": KEY,
        "JOBFORGE_LEDGER": str(first.ledger),
    }
    started = [one.start(*BUILD, "int_attribute_packs+", env=env) for one in warehouses]
    # Each has this many in flight at most: both are asking.
    wait_until(lambda: server.count == 2 * IN_FLIGHT, started[0])
    locked_out = first.dbt(*MODEL, env=env)
    released.set()
    runs = [one.end() for one in started]
    with open_ledger(str(first.ledger), read_only=True) as ledger:
        run_ids = set(ledger.attempts().read_all()["run_id"].to_pylist())
    return AtOnce((first, second), runs, locked_out, server.asked, run_ids)


@pytest.fixture(scope="module")
def scenes(
    copy_of_demo: Callable[..., Warehouse], side_by_side: Executor
) -> dict[str, Future[Any]]:
    """What came of every scene, by its name."""

    def play(scene: Callable[..., Any], *warehouses: Warehouse) -> Any:
        with LoopbackServer(answer=answer) as server:
            return scene(server, *warehouses)

    cell_by_cell = {**LIVE, "llm_attributes_per_call": 1}
    pair = [copy_of_demo(name, **cell_by_cell) for name in ("one", "beside")]
    return {
        "killed": side_by_side.submit(play, killed, copy_of_demo("killed", **LIVE)),
        "interrupted": side_by_side.submit(play, interrupted, copy_of_demo("interrupted", **LIVE)),
        "full": side_by_side.submit(play, full, copy_of_demo("full", **LIVE)),
        "at_once": side_by_side.submit(play, at_once, *pair),
    }


@pytest.fixture(scope="module")
def killed_runs(scenes: dict[str, Future[Any]]) -> Scene:
    """The scene of that name."""
    return scenes["killed"].result()


@pytest.fixture(scope="module")
def interrupted_runs(scenes: dict[str, Future[Any]]) -> tuple[Scene, dict[str, Interrupted]]:
    """The scene of that name."""
    return scenes["interrupted"].result()


@pytest.fixture(scope="module")
def full_disk(scenes: dict[str, Future[Any]]) -> Scene:
    """The scene of that name."""
    return scenes["full"].result()


@pytest.fixture(scope="module")
def two_at_once(scenes: dict[str, Future[Any]]) -> AtOnce:
    """The scene of that name."""
    return scenes["at_once"].result()


def test_killed_at_ten_moments_a_run_goes_on(killed_runs: Scene) -> None:
    """After each `kill -9` no run asks an answered cell, and the last one completes gold."""
    *steps, last = killed_runs.steps
    assert [step.run.code for step in steps] == [-signal.SIGKILL] * KILLS
    assert all(step.asked for step in steps[: KILLS - 2])
    assert 0 < len(steps[-2].after) < len(steps[-1].after)
    assert last.asked == []
    check_complete(killed_runs.warehouse, last.run)
    check_paid_once(killed_runs, IN_FLIGHT)


@pytest.mark.parametrize("moment", ["hanging", "amid", "beginning"])
def test_one_ctrl_c_stops_a_run(
    interrupted_runs: tuple[Scene, dict[str, Interrupted]], moment: str
) -> None:
    """Two seconds after Ctrl-C nothing is sent, and dbt ends, whatever the server does.

    They are seconds of the server: as many requests as it takes replies to send.
    """
    scene, runs = interrupted_runs
    run = runs[moment]
    assert run.step.run.code == 2
    assert "Exited because of keyboard interrupt" in run.step.run.output
    in_two_seconds = round(2 / REPLY_SECONDS) * IN_FLIGHT if moment == "amid" else 0
    assert run.sent_later <= in_two_seconds < len(scene.steps[-1].asked)


def test_after_ctrl_c_a_run_goes_on(
    interrupted_runs: tuple[Scene, dict[str, Interrupted]],
) -> None:
    """What a run had got before Ctrl-C is in the ledger; the last run asks the rest."""
    scene, runs = interrupted_runs
    amid, last = runs["amid"], scene.steps[-1]
    assert amid.replied
    assert amid.replied <= amid.step.after
    assert 0 < len(amid.step.after) < len(last.after)
    check_complete(scene.warehouse, last.run)
    check_paid_once(scene, IN_FLIGHT)


def test_a_full_disk_is_said_before_any_call(full_disk: Scene) -> None:
    """A ledger that cannot take a claim fails the run with a clear error, and nothing is asked."""
    step = full_disk.steps[0]
    assert step.run.statuses("model") == {"llm_imputed_attributes": "error"}
    assert f"no room is left for the ledger {full_disk.warehouse.ledger}" in step.run.output
    assert step.asked == []


def test_a_disk_that_fills_up_loses_nothing(full_disk: Scene) -> None:
    """The run fails with a clear error; what was recorded stands, and a rerun asks the rest."""
    _, step, last = full_disk.steps
    assert step.run.statuses("model") == {"llm_imputed_attributes": "error"}
    assert f"no room is left for the ledger {full_disk.warehouse.ledger}" in step.run.output
    assert 0 < len(step.after) < len(last.after)
    check_complete(full_disk.warehouse, last.run)
    check_paid_once(full_disk, IN_FLIGHT)


def test_two_runs_share_the_work(two_at_once: AtOnce) -> None:
    """Two runs with one ledger ask each cell once between them, and both complete their gold."""
    for warehouse, run in zip(two_at_once.warehouses, two_at_once.runs, strict=True):
        check_complete(warehouse, run)
    asked = Counter(cell for request in two_at_once.asked for cell in cells_of(request))
    assert set(asked.values()) == {1}
    assert len(asked) == missing_cells(two_at_once.warehouses[0])
    assert len(two_at_once.run_ids) == 2


def test_a_warehouse_in_use_is_said_and_costs_nothing(two_at_once: AtOnce) -> None:
    """A run on a warehouse that another run has open fails at once and names the other's lock."""
    assert two_at_once.locked_out.code != 0
    assert "Could not set lock on file" in two_at_once.locked_out.output
    assert str(two_at_once.warehouses[0].path) in two_at_once.locked_out.output
