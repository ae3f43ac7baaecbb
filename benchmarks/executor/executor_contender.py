"""The whole executor as a contender: from a job's row to its checked cells.

Prompts, limiter, budget, retries, group recording and the check of every cell are in the figure.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal

import openai  # noqa: F401 - what takes long to import is not in the figures
from jobforge.limiter import RateLimiter
from jobforge.live.executor import Executor
from jobforge.live.item import Finished, Item
from jobforge.live.recorder import GroupRecorder
from jobforge.live.state import RunState
from jobforge.money.budget import Budget
from jobforge.provider.connection import Connection
from jobforge.provider.transport import OpenAITransport
from jobforge.requests.forms import PackForms
from jobforge.requests.inputs import Attribute, ComparableJob, ImputationRequest, Job, Pack
from jobforge.requests.keys import Keyer
from jobforge.settings import Settings
from server import ATTRIBUTES

KEY = "sk-benchmark-0123456789"
UNCAPPED = Settings(model="benchmark-model", max_cost_usd=None, max_calls=None, timeout_seconds=300)
LIMITED = {"start_rate": 20.0, "start_in_flight": 8}
UNLIMITED = {"start_rate": 1e6, "start_in_flight": 256}


def requests_of(count: int) -> Iterator[Item]:
    """Yield so many jobs' requests of one pack of 16 attributes, each with five comparable jobs."""
    pack = Pack("pack", tuple(_attribute(name) for name in ATTRIBUTES))
    forms = PackForms(
        pack,
        parameters={"model": "benchmark-model", "max_tokens": 4096},
        largest_completion_tokens=4096,
    )
    keyer = Keyer(UNCAPPED)
    values = tuple((name, "3") for name in ATTRIBUTES)
    comparable = tuple(ComparableJob(f"Job {n}", "same unit group", values) for n in range(5))
    for number in range(count):
        job = Job(f"j{number}", f"Data analyst {number}", "Analytics", "Business", "21211", "Data")
        asked = ImputationRequest(job, "pack", tuple(ATTRIBUTES), (), comparable)
        yield Item(keyer.keyed(asked, pack), forms)


async def drive(
    base_url: str, requests: int, in_flight: int, *, limited: bool = False
) -> Counter[str]:
    """Ask for so many requests' cells; return the count of requests by their first cell."""
    outcomes: Counter[str] = Counter()
    transport = OpenAITransport(
        Connection(base_url, KEY),
        timeout_seconds=UNCAPPED.timeout_seconds,
        max_connections=in_flight,
    )
    start = LIMITED if limited else UNLIMITED
    limiter = RateLimiter(max_in_flight=in_flight, **start)  # type: ignore[arg-type]
    with GroupRecorder(lambda attempts: None) as recorder:
        executor = Executor(
            transport=transport,
            limiter=limiter,
            state=RunState(on_close=limiter.close, say=lambda line: None, stop=threading.Event()),
            recorder=recorder,
            budget=Budget(UNCAPPED, None),
            model=UNCAPPED.model,
            secrets=[KEY],
            in_work=in_flight + in_flight // 4,
        )
        async for finished in executor.run(_async(requests_of(requests))):
            outcomes[_outcome(finished)] += 1
    await transport.aclose()
    return outcomes


def _outcome(finished: Finished) -> str:
    kinds = {cell.outcome for cell in finished.cells.values()}
    return kinds.pop() if len(kinds) == 1 else "mixed"


async def _async(items: Iterator[Item]) -> AsyncIterator[Item]:
    for item in items:
        yield item


def _attribute(name: str) -> Attribute:
    return Attribute(
        attribute_id=name,
        name=name.replace("_", " "),
        domain="skills",
        description="Understanding written sentences and paragraphs in work-related documents.",
        value_type="rating",
        scale_minimum=Decimal(0),
        scale_maximum=Decimal(5),
    )
