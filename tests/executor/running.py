"""Runs the executor against a server, and the clock that needs no waiting."""

from __future__ import annotations

import asyncio
import json
import random
import selectors
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from jobforge.answers.attempts import Attempt
from jobforge.limiter import RateLimiter
from jobforge.live.executor import Executor
from jobforge.live.item import Finished, Item
from jobforge.live.retries import RetryPolicy
from jobforge.live.state import RunState
from jobforge.money.budget import Budget
from jobforge.provider.completions import Reply
from jobforge.provider.connection import Connection
from jobforge.provider.transport import OpenAITransport, Transport
from jobforge.reasons import Reason
from jobforge.requests.forms import PackForms
from jobforge.requests.inputs import ImputationRequest, Pack
from jobforge.requests.keys import Keyer
from jobforge.settings import SchemaFormChoice, Settings
from support.builders import PACK, jobs
from support.loopback_server import STATUS_FAULTS, LoopbackServer, error_body
from support.waiting import HANG_SECONDS

KEY = "sk-test-0123456789abcdef"
MODEL = "asked-model"
T = TypeVar("T")


def quick(**bounds: Any) -> RetryPolicy:
    """A policy that hardly waits."""
    given = {"first_wait": 0.001, "longest_wait": 0.002, "rng": random.Random(1), **bounds}
    return RetryPolicy(**given)


def items(requests: Iterable[ImputationRequest] | int = 1, *packs: Pack) -> list[Item]:
    """Work items of requests, or of so many jobs."""
    forms = {
        pack.pack_id: PackForms(
            pack,
            parameters={"model": MODEL, "max_tokens": 4096},
            largest_completion_tokens=4096,
        )
        for pack in packs or (PACK,)
    }
    asked = jobs(requests) if isinstance(requests, int) else requests
    keyer = Keyer(Settings(model=MODEL))
    packs_forms = [(request, forms[request.pack_id]) for request in asked]
    return [Item(keyer.keyed(request, its.pack), its) for request, its in packs_forms]


class CallBudget(Budget):
    """Lets so many requests be sent, retries and follow-ups included; None is no bound."""

    def __init__(self, most: int | None = None) -> None:
        super().__init__(Settings(max_cost_usd=None, max_calls=most), None)

    @property
    def calls(self) -> int:
        """How many were sent."""
        return self.spent.calls


@dataclass
class Recorded:
    """A recorder that keeps what it is given, in order."""

    attempts: list[Attempt] = field(default_factory=list)

    def is_overdue(self) -> bool:
        return False

    async def record(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)

    @property
    def statuses(self) -> list[str]:
        return [attempt.status for attempt in self.attempts]


@dataclass
class Ran:
    """What a run gave."""

    finished: list[Finished]
    attempts: list[Attempt]
    closed_reason: Reason | None
    lines: list[str]

    @property
    def outcomes(self) -> dict[tuple[str, str], str]:
        """The outcome of every cell, by item and attribute."""
        return {
            (done.item.key, name): cell.outcome
            for done in self.finished
            for name, cell in done.cells.items()
        }

    @property
    def statuses(self) -> list[str]:
        return [attempt.status for attempt in self.attempts]

    @property
    def cells(self) -> dict[str, Any]:
        """The cells of the only item."""
        (done,) = self.finished
        return dict(done.cells)

    def check(self, asked: Iterable[Item]) -> None:
        """Every cell is named once, and what is not answered has a reason."""
        expected = [(item.key, name) for item in asked for name in item.attribute_ids]
        named = [(d.item.key, name) for d in self.finished for name in d.cells]
        assert sorted(named) == sorted(expected)
        for done in self.finished:
            for cell in done.cells.values():
                assert (cell.answer is not None) == (cell.outcome == "answered")
                assert cell.reason or cell.outcome == "answered"
                if cell.outcome == "answered":
                    assert cell.attempt in self.attempts


def run(base_url: str, work: Iterable[Item], **options: Any) -> Ran:
    """Run items over HTTP to the end and check that every cell is named."""
    asked = list(work)
    timeout = options.pop("timeout_seconds", HANG_SECONDS)

    async def main() -> Ran:
        transport = OpenAITransport(Connection(base_url, KEY), timeout_seconds=timeout)
        try:
            return await run_with(transport, asked, **options)
        finally:
            await transport.aclose()

    ran = asyncio.run(main())
    ran.check(asked)
    return ran


async def run_with(
    transport: Transport,
    work: Iterable[Item],
    *,
    recorder: Recorded | None = None,
    budget: Budget | None = None,
    policy: RetryPolicy | None = None,
    limiter: Callable[[], RateLimiter] | None = None,
    stop: threading.Event | None = None,
    in_work: int = 64,
    schema_form: SchemaFormChoice = "auto",
    each: Callable[[Finished], None] = lambda finished: None,
    log: Callable[[str], None] = lambda line: None,
) -> Ran:
    """Run items through a transport in this event loop."""
    recorder = recorder or Recorded()
    lines: list[str] = []
    limits = limiter() if limiter else RateLimiter(start_rate=1e5, start_in_flight=8)
    state = RunState(
        on_close=limits.close,
        say=lambda line: (lines.append(line), log(line)),  # type: ignore[func-returns-value]
        stop=stop or threading.Event(),
    )
    executor = Executor(
        transport=transport,
        limiter=limits,
        state=state,
        model=MODEL,
        recorder=recorder,
        budget=budget or CallBudget(),
        policy=policy or quick(),
        secrets=[KEY],
        schema_form=schema_form,
        in_work=in_work,
    )
    finished = []
    async for done in executor.run(in_turn(work)):
        each(done)
        finished.append(done)
    return Ran(finished, recorder.attempts, state.closed(), lines)


class Direct:
    """A server's replies without a connection, on any clock; each takes so many seconds.

    sent_at: when each request was sent.
    """

    def __init__(self, server: LoopbackServer, seconds: float) -> None:
        self._server, self._seconds = server, seconds
        self.sent_at: list[float] = []

    async def send(self, body: bytes) -> Reply:
        self.sent_at.append(asyncio.get_running_loop().time())
        asked = json.loads(body)
        fault, number = self._server.record("", {}, asked)
        await asyncio.sleep(self._seconds)
        name, _, value = fault.partition("=")
        if name in STATUS_FAULTS:
            status, code, message = STATUS_FAULTS[name]
            said, headers = error_body(code, message), {"retry-after": value} if value else {}
        else:
            status, said = 200, self._server.completion(asked, name, value, number)
            headers = dict(self._server.headers()) if self._server.headers else {}
        return Reply(status, headers, json.dumps(said).encode(), self._seconds)

    async def aclose(self) -> None:
        """Nothing is open."""


async def in_turn(work: Iterable[T]) -> AsyncIterator[T]:
    """A plain iterable as an asynchronous one."""
    for item in work:
        yield item


@asynccontextmanager
async def opened(
    base_url: str,
    *,
    stop: threading.Event,
    recorder: Recorded | None = None,
    in_work: int = 64,
) -> AsyncIterator[Executor]:
    """An executor over HTTP, for `run_blocking`."""
    transport = OpenAITransport(Connection(base_url, KEY), timeout_seconds=HANG_SECONDS)
    limiter = RateLimiter(start_rate=1e5, start_in_flight=8)
    yield Executor(
        transport=transport,
        limiter=limiter,
        state=RunState(on_close=limiter.close, say=lambda line: None, stop=stop),
        recorder=recorder or Recorded(),
        budget=CallBudget(),
        model=MODEL,
        policy=quick(),
        in_work=in_work,
    )
    await transport.aclose()


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a clock that jumps over every wait."""
    loop = _VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = 1000.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self._virtual

    def jump(self, seconds: float) -> None:
        self._virtual += seconds


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: _VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is not None and timeout > 0:
            self._loop.jump(timeout)
            timeout = 0
        return super().select(timeout)
