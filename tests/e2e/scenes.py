"""Runs on one warehouse and one ledger, one after the other: what each asked and left behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jobforge.ledger import open_ledger
from support.loopback_server import Asked, LoopbackServer
from support.waiting import until

from e2e.runs import Run, Started, Warehouse
from e2e.test_llm_modes import GOLD, KEY, job_data, missing_cells

Cell = tuple[str, str]


def wait_until(reached: Callable[[], object], started: Started) -> None:
    """Wait for a moment of a run; fail with dbt's own words where it ends before."""
    try:
        until(reached, lambda: started.process.poll() is None)
    except AssertionError:
        started.process.kill()
        raise AssertionError(started.end().output) from None


def cells_of(asked: Asked) -> set[Cell]:
    """Return the cells of one request, each a job's title and an attribute."""
    title = job_data(asked)["job"]["title"]
    return {(title, attribute_id) for attribute_id in asked.attribute_ids}


def check_complete(warehouse: Warehouse, run: Run) -> None:
    """The run and all of its tests are green, and the model has filled what the sources left."""
    run.ok()
    assert run.statuses("test")
    counts = dict(warehouse.query(f"select fill_status, count(*) from {GOLD} group by all"))
    assert counts["llm"] == missing_cells(warehouse)
    assert set(counts) == {"authoritative", "onet", "llm"}


@dataclass(frozen=True)
class Step:
    """One run: its own requests, and the answered cells of the ledger before and after it."""

    run: Run
    asked: list[Asked]
    before: set[Cell]
    after: set[Cell]
    faults: list[object]

    @property
    def lost(self) -> list[Asked]:
        """The requests whose replies are not in the ledger."""
        return [asked for asked in self.asked if not cells_of(asked) <= self.after]


@dataclass
class Scene:
    """Runs on one warehouse, one after the other, against one server."""

    warehouse: Warehouse
    server: LoopbackServer
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        jobs = "select job_id, job_title from main_intermediate.int_jobs"
        self._titles: dict[str, str] = dict(self.warehouse.query(jobs))

    def start(self, *command: str, env: Mapping[str, str] | None = None, **vars: Any) -> Started:
        """Start a run that may ask."""
        self._before, self._count = self._answered(), self.server.count
        env = {"OPENAI_BASE_URL": self.server.base_url, "OPENAI_API_KEY": KEY, **(env or {})}
        return self.warehouse.start(*command, vars=vars, env=env)

    @property
    def count(self) -> int:
        """How many requests the server has seen of the run."""
        return self.server.count - self._count

    def end(self, started: Started) -> Step:
        """Wait for the run's end; return what it left behind."""
        run = started.end()
        # The server may not have read yet what a killed run sent.
        self.server.settle()
        asked = self.server.asked[self._count :]
        with open_ledger(str(self.warehouse.ledger), read_only=True) as ledger:
            faults: list[object] = list(ledger.verify())
        step = Step(run, asked, self._before, self._answered(), faults)
        self.steps.append(step)
        return step

    def _answered(self) -> set[Cell]:
        if not self.warehouse.ledger.exists():
            return set()
        with open_ledger(str(self.warehouse.ledger), read_only=True) as ledger:
            rows = ledger.answers().read_all().to_pylist()
        return {(self._titles[row["job_id"]], row["attribute_id"]) for row in rows}


def check_paid_once(scene: Scene, in_flight: int) -> None:
    """No run lost an answer or asked an answered cell; what was in flight is all it cost."""
    for step in scene.steps:
        asked = Counter(cell for request in step.asked for cell in cells_of(request))
        assert set(asked.values()) <= {1}
        assert step.before <= step.after
        assert step.before.isdisjoint(asked)
        assert len(step.lost) <= in_flight
        assert step.faults == []
    lost = sum(len(step.lost) for step in scene.steps)
    needed = scene.warehouse.one("select count(*) from main_intermediate.int_imputation_requests")
    assert len(scene.server.asked) == needed + lost
