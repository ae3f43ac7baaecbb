"""How a run is held together: recording first, the budget, stopping, bounds, the blocking side."""

from __future__ import annotations

import asyncio
import gc
import re
import threading
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from jobforge import errors
from jobforge.answers.attempts import Attempt
from jobforge.limiter import RateLimiter
from jobforge.live import blocking
from jobforge.live.blocking import PulledItems, run_blocking
from jobforge.live.executor import Executor
from jobforge.live.item import Finished, Item
from jobforge.live.recorder import GroupRecorder
from jobforge.live.retries import RetryPolicy
from jobforge.live.state import RunState
from jobforge.money.budget import Budget, Denied, Reservation
from jobforge.money.prices import Usage
from jobforge.provider.completions import Reply
from jobforge.reasons import INTERRUPTED
from jobforge.requests.estimates import Estimate
from jobforge.settings import Settings
from support.builders import IDS, jobs, request
from support.loopback_server import LoopbackServer
from support.waiting import HANG_SECONDS, until

from executor.running import (
    KEY,
    MODEL,
    CallBudget,
    Ran,
    Recorded,
    items,
    opened,
    quick,
    run,
    run_virtual,
    run_with,
)


@dataclass
class Scripted:
    """A transport of replies that are given, on any clock."""

    replies: Iterator[Reply | Exception]
    latency: float = 1.0
    sent: list[bytes] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0

    async def send(self, body: bytes) -> Reply:
        self.sent.append(body)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.latency)
        finally:
            self.in_flight -= 1
        reply = next(self.replies)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def aclose(self) -> None:
        """Nothing is open."""


def status(code: int, **headers: str) -> Reply:
    """A reply without an answer."""
    return Reply(code, {k.replace("_", "-"): v for k, v in headers.items()}, b"{}", 0.1)


def forever(*replies: Reply | Exception) -> Iterator[Reply | Exception]:
    """These, and the last one again and again."""
    yield from replies
    while True:
        yield replies[-1]


# Recording


def test_an_attempt_is_recorded_before_its_outcome_is_given_out(server: LoopbackServer) -> None:
    """Whoever gets a finished item finds all its attempts recorded."""
    recorder = Recorded()

    def check(done: Finished) -> None:
        recorded = {attempt.attempt_id for attempt in recorder.attempts}
        for cell in done.cells.values():
            assert cell.attempt is not None
            assert cell.attempt.attempt_id in recorded

    server.script("truncated", "500", "missing_attribute")
    ran = run(server.base_url, items(30), recorder=recorder, each=check)
    assert len({attempt.attempt_id for attempt in ran.attempts}) == server.count


def test_a_recorder_that_breaks_ends_the_run(server: LoopbackServer) -> None:
    """A full disk: what could not be recorded is not given out, and the error is raised."""
    given: list[Finished] = []
    written: list[Attempt] = []

    def write(attempts: Sequence[Attempt]) -> None:
        if len(written) >= 20:
            raise OSError("no space left on device")
        written.extend(attempts)

    with GroupRecorder(write, most=4) as recorder, pytest.raises(OSError, match="no space left"):
        run(server.base_url, items(300), recorder=recorder, each=given.append)
    kept = {attempt.attempt_id for attempt in written}
    for done in given:
        for cell in done.cells.values():
            assert cell.outcome == "awaiting_llm" or cell.attempt.attempt_id in kept  # type: ignore
    assert server.count < 300


def test_a_broken_recorder_does_not_wait_for_a_silent_server() -> None:
    """What is in flight when the run breaks has a second, like at a stop."""

    class Broken(Recorded):
        async def record(self, attempt: Attempt) -> None:
            raise OSError("no space left on device")

    class Silent(Scripted):
        async def send(self, body: bytes) -> Reply:
            if self.sent:
                self.latency = 1e4
            return await super().send(body)

    async def main() -> float:
        loop = asyncio.get_running_loop()
        start = loop.time()
        with pytest.raises(OSError, match="no space left"):
            await run_with(Silent(forever(status(413))), items(20), recorder=Broken())
        return loop.time() - start

    assert run_virtual(main()) < 3


def test_nothing_is_sent_while_a_record_is_overdue(server: LoopbackServer) -> None:
    """What was paid for is written before more is bought."""

    class Behind(Recorded):
        looks = 0

        def is_overdue(self) -> bool:
            self.looks += 1
            assert self.looks > 5 or server.count == 0
            return self.looks <= 5

    recorder = Behind()
    ran = run(server.base_url, items(3), recorder=recorder)
    assert recorder.looks > 5
    assert set(ran.outcomes.values()) == {"answered"}


def test_a_group_that_waits_to_be_written_is_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is while the store keeps it waiting, and not before or after."""
    monkeypatch.setattr("jobforge.live.recorder._OVERDUE_SECONDS", 0.0)
    kept = threading.Event()

    async def main() -> None:
        assert not recorder.is_overdue()
        task = asyncio.create_task(recorder.record(1))  # type: ignore[arg-type]
        await asyncio.to_thread(until, recorder.is_overdue)
        kept.set()
        await task
        assert not recorder.is_overdue()

    def write(attempts: Sequence[Any]) -> None:
        assert kept.wait(HANG_SECONDS)

    with GroupRecorder(write, seconds=0) as recorder:
        asyncio.run(main())


def test_recording_goes_in_groups() -> None:
    """A thousand attempts take few writes, each of 256 at most, in order, on another thread."""
    groups: list[list[Any]] = []
    threads: set[int] = set()

    def write(attempts: Sequence[Any]) -> None:
        groups.append(list(attempts))
        threads.add(threading.get_ident())

    async def main() -> None:
        await asyncio.gather(*(recorder.record(n) for n in range(1000)))  # type: ignore[arg-type]

    with GroupRecorder(write, seconds=HANG_SECONDS) as recorder:
        asyncio.run(_with_end(main(), recorder))
    assert [n for group in groups for n in group] == list(range(1000))
    assert max(map(len, groups)) <= 256
    assert len(groups) <= 8
    assert threads != {threading.get_ident()}


async def _with_end(main: Any, recorder: GroupRecorder) -> None:
    task = asyncio.create_task(main)
    await asyncio.sleep(0.05)
    recorder._queue.put(None)  # the last group does not fill up
    await task


def test_what_a_writer_raises_everybody_raises() -> None:
    """After a failed write nobody is told that an attempt is durable."""

    def write(attempts: Sequence[Any]) -> None:
        raise ValueError("broken")

    async def main() -> list[Any]:
        tasks = [recorder.record(n) for n in range(5)]  # type: ignore[arg-type]
        first = await asyncio.gather(*tasks, return_exceptions=True)
        second = await asyncio.gather(recorder.record(6), return_exceptions=True)  # type: ignore
        return [*first, *second]

    with GroupRecorder(write, seconds=0) as recorder:
        assert all(isinstance(raised, ValueError) for raised in asyncio.run(main()))


# Budget


class Purse(Budget):
    """A cap of tokens that keeps what it held at its fullest."""

    def __init__(self, most: int) -> None:
        super().__init__(Settings(max_cost_usd=None, max_calls=None, max_tokens=most), None)
        self.fullest = 0

    def reserve(self, request: Estimate) -> Reservation | Denied:
        answer = super().reserve(request)
        self.fullest = max(self.fullest, self.spent.usage.tokens + self.in_flight.usage.tokens)
        return answer


def test_the_budget_is_asked_before_every_send(server: LoopbackServer) -> None:
    """Retries and follow-ups count: with a cap of ten, ten requests are sent."""
    server.rates = {"500": 0.3, "truncated": 0.3}
    budget = CallBudget(10)
    ran = run(server.base_url, items(100), budget=budget, policy=quick(attempts=20))
    assert server.count == budget.calls == 10
    assert ran.closed_reason is not None
    assert "raise llm_max_calls" in ran.closed_reason.text


def test_a_cap_holds_in_the_worst_case_and_is_used_up(server: LoopbackServer) -> None:
    """What is in flight counts at its worst, and the cap is not given up before it settles."""
    purse = Purse(80_000)
    ran = run(server.base_url, items(300), budget=purse)
    assert purse.fullest <= 80_000
    assert purse.in_flight.usage.tokens == 0
    assert purse.spent.usage.tokens > 80_000 - 2 * 15_000
    counts = Counter(ran.outcomes.values())
    assert counts["answered"]
    assert counts["awaiting_llm"]
    assert "raise llm_max_tokens" in str(ran.finished[-1].cells[IDS[0]].reason)


def test_a_request_that_is_too_large_waits_for_nothing() -> None:
    """It is given out while another is in flight that leaves it no room, and the run goes on."""
    small, large = items([request(), request(known=[(f"k{n}", "v" * 200) for n in range(90)])])
    most = small.forms.form(small.keyed.request).estimate
    purse = Purse(most.largest_prompt_tokens + most.largest_completion_tokens)
    given: list[tuple[Item, int]] = []
    transport = Scripted(forever(status(400)))

    async def main() -> Ran:
        return await run_with(
            transport,
            [small, large],
            budget=purse,
            each=lambda done: given.append((done.item, transport.in_flight)),
        )

    ran = run_virtual(main())
    assert given == [(large, 1), (small, 0)]
    assert ran.closed_reason is None


def test_a_budget_of_nothing_sends_nothing(server: LoopbackServer) -> None:
    """A cap of 0 calls: every cell waits, and no connection is made."""
    ran = run(server.base_url, items(10), budget=CallBudget(0))
    assert server.count == 0
    assert set(ran.outcomes.values()) == {"awaiting_llm"}


def test_what_came_to_nothing_is_settled_as_unknown() -> None:
    """A time-out may have cost something: the budget is told None, not nothing."""
    told: list[Usage | None] = []

    class Watching(CallBudget):
        def charge(self, reservation: Reservation, usage: Usage | None) -> Decimal | None:
            told.append(usage)
            return super().charge(reservation, usage)

    async def main() -> None:
        transport = Scripted(forever(errors.TimedOutError("no reply"), status(500), status(401)))
        await run_with(transport, items(), budget=Watching())

    run_virtual(main())
    assert told == [None, Usage(), Usage()]


# Time


def test_a_retry_after_of_more_than_two_minutes_is_waited_for() -> None:
    """The server asks for 130 seconds; the request is sent again after them, not given up."""

    async def main() -> tuple[float, list[str]]:
        loop = asyncio.get_running_loop()
        start = loop.time()
        limited, rejected = status(429, retry_after="130"), status(401)
        transport = Scripted(forever(limited, rejected))
        ran = await run_with(transport, items(), policy=RetryPolicy(), limiter=RateLimiter)
        return loop.time() - start, ran.statuses

    seconds, statuses = run_virtual(main())
    assert statuses == ["rate_limited", "rejected"]
    assert 130 <= seconds < 200


@pytest.mark.parametrize("count", [1, 9])
def test_a_long_wait_is_said_once_a_minute(count: int) -> None:
    """A run that must not send says for how long and why; one that may says nothing."""

    async def main(count: int, seconds: str) -> list[str]:
        limited, rejected = status(429, retry_after=seconds), status(401)
        transport = Scripted(forever(*[limited] * count, rejected))
        ran = await run_with(transport, items(count), policy=RetryPolicy(), limiter=RateLimiter)
        return [line for line in ran.lines if "nothing is sent" in line]

    lines = run_virtual(main(count, "150"))
    said = [re.fullmatch(r"LLM: nothing is sent for (\d+) s: (.*)", line) for line in lines]
    assert [one[2] for one in said if one] == ["the server asks to wait (Retry-After)"] * 3
    assert [round(int(one[1]), -1) for one in said if one] == [150, 90, 30]
    assert run_virtual(main(count, "9")) == []


@pytest.mark.parametrize("whose", ["that was set", "in the x-ratelimit headers"])
def test_a_limit_that_lets_nothing_through_is_named(whose: str) -> None:
    """A limit of tokens that is used up for minutes: whose it is, and how long that takes."""
    headers = {
        "x-ratelimit-limit-tokens": "3000",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "60s",
    }
    own = whose == "that was set"
    limiter = RateLimiter(tokens_per_minute=3000 if own else None, start_in_flight=1)

    async def main() -> list[str]:
        transport = Scripted(forever(Reply(413, {} if own else headers, b"{}", 0.1)))
        return (await run_with(transport, items(3), limiter=lambda: limiter)).lines

    lines = run_virtual(main())
    assert lines
    assert all(line.endswith(f" s: the limit of tokens {whose}") for line in lines)


def test_total_time_is_bounded() -> None:
    """A server that is down for good is given up after ten minutes, however many tries are left."""

    async def main() -> tuple[float, Any]:
        loop = asyncio.get_running_loop()
        start = loop.time()
        policy = RetryPolicy(attempts=10_000)
        ran = await run_with(Scripted(forever(status(503))), items(), policy=policy)
        return loop.time() - start, ran.cells["tools"]

    seconds, cell = run_virtual(main())
    assert 500 < seconds <= 602
    assert cell.outcome == "failed"
    assert "after 600 seconds in all" in cell.reason.text


# Stopping


def test_stopping_sends_nothing_more_and_keeps_what_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a stop: replies within the grace are recorded and used, the rest waits."""
    # How long it is has a test of its own.
    monkeypatch.setattr("jobforge.live.executor._GRACE_SECONDS", HANG_SECONDS)
    stop = threading.Event()
    with LoopbackServer() as server:
        server.hold(after=20)

        def stop_and_release(line: str) -> None:
            assert line.endswith(INTERRUPTED.text)
            server.release()

        def stop_once_all_hang() -> None:
            until(lambda: server.count == 20 + 8)
            stop.set()

        stopper = threading.Thread(target=stop_once_all_hang)
        stopper.start()
        ran = run(
            server.base_url,
            items(300),
            stop=stop,
            in_work=8,
            log=stop_and_release,
        )
        stopper.join()
    counts = Counter(ran.outcomes.values())
    assert server.count == 20 + 8
    assert ran.statuses == ["answered"] * (20 + 8)
    assert counts == {"answered": 28 * len(IDS), "awaiting_llm": 272 * len(IDS)}
    assert ran.closed_reason == INTERRUPTED
    reasons = {cell.reason for one in ran.finished for cell in one.cells.values()}
    assert reasons == {None, INTERRUPTED}


def test_a_silent_server_does_not_hold_a_stop() -> None:
    """What is still in flight after a second is cut off, recorded as such, and waits."""
    stop = threading.Event()

    async def main() -> tuple[float, Any]:
        loop = asyncio.get_running_loop()
        start = loop.time()
        loop.call_later(10, stop.set)
        ran = await run_with(Scripted(forever(status(200)), latency=1e4), items(50), stop=stop)
        return loop.time() - start, ran

    seconds, ran = run_virtual(main())
    assert 10.9 <= seconds <= 11.4
    assert set(ran.statuses) == {"interrupted"}
    assert set(ran.outcomes.values()) == {"awaiting_llm"}


def test_a_stop_wakes_those_that_wait_to_try_again() -> None:
    """A stop during a wait of two minutes ends the run at once."""
    stop = threading.Event()

    async def main() -> float:
        loop = asyncio.get_running_loop()
        start = loop.time()
        loop.call_later(10, stop.set)
        limited = Scripted(forever(status(429, retry_after="120")))
        await run_with(limited, items(50), stop=stop, policy=RetryPolicy(), limiter=RateLimiter)
        return loop.time() - start

    assert run_virtual(main()) <= 12


def test_a_run_that_was_stopped_before_sends_nothing(server: LoopbackServer) -> None:
    """A stop that was set before the run: every cell waits."""
    stop = threading.Event()
    stop.set()
    ran = run(server.base_url, items(5), stop=stop)
    assert server.count == 0
    assert set(ran.outcomes.values()) == {"awaiting_llm"}


# Bounds


def test_items_are_pulled_as_they_are_worked_on() -> None:
    """However many items there are, only a few are ever pulled ahead of what is given out."""
    pulled = given = ahead = 0

    def source() -> Iterator[Item]:
        nonlocal pulled
        for item in items(500):
            pulled += 1
            yield item

    def each(done: Finished) -> None:
        nonlocal given, ahead
        given += 1
        ahead = max(ahead, pulled - given)

    async def main() -> None:
        transport = Scripted(forever(status(413)))
        await run_with(transport, source(), in_work=16, each=each)
        assert transport.most_in_flight <= 16

    run_virtual(main())
    assert given == 500
    assert ahead <= 2 * 16 + 1


def test_memory_does_not_grow_with_the_number_of_items() -> None:
    """A run of 4,000 items peaks no higher than one of 1,000 does."""

    def peak(count: int) -> int:
        async def main() -> None:
            transport = Scripted(forever(status(413)), latency=0.01)
            limiter = RateLimiter(start_rate=1e6)
            state = RunState(on_close=limiter.close, say=lambda line: None, stop=threading.Event())
            executor = Executor(
                transport=transport,
                limiter=limiter,
                state=state,
                recorder=Forgetful(),
                budget=CallBudget(),
                model=MODEL,
                policy=quick(),
                in_work=32,
            )
            async for _ in executor.run(_items(count)):
                """Taken and forgotten."""
            transport.sent.clear()

        tracemalloc.start()
        run_virtual(main())
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    async def _items(count: int) -> Any:
        for start in range(0, count, 100):
            # When the collector comes by itself is no figure of ours.
            gc.collect()
            for item in items(jobs(100)[: min(100, count - start)]):
                yield item

    Scripted.send, send = _unkept, Scripted.send  # type: ignore[method-assign]
    try:
        peak(200)
        assert peak(4000) < 1.25 * peak(1000)
    finally:
        Scripted.send = send  # type: ignore[method-assign]


class Forgetful:
    """A recorder that keeps nothing."""

    def is_overdue(self) -> bool:
        return False

    async def record(self, attempt: Attempt) -> None:
        """Return at once."""


async def _unkept(self: Scripted, body: bytes) -> Reply:
    await asyncio.sleep(self.latency)
    reply = next(self.replies)
    assert isinstance(reply, Reply)
    return reply


def test_at_least_one_item_is_in_work() -> None:
    """A bound of nothing is a SettingsError."""

    async def main() -> None:
        await run_with(Scripted(forever(status(500))), items(), in_work=0)

    with pytest.raises(errors.SettingsError):
        run_virtual(main())


# The blocking side


def test_the_blocking_side_gives_every_item(server: LoopbackServer) -> None:
    """A plain generator over a plain iterable: everything arrives, whoever pulls from where."""
    stop = threading.Event()
    generator = run_blocking(lambda: opened(server.base_url, stop=stop), items(200), stop)
    taken: list[Finished] = []

    def take() -> None:
        taken.extend(generator)

    taker = threading.Thread(target=take)
    taker.start()
    taker.join()
    assert {done.item.key for done in taken} == {item.key for item in items(200)}
    assert all(cell.answer for done in taken for cell in done.cells.values())
    assert not stop.is_set()


def test_a_source_that_breaks_is_raised_after_what_was_asked(server: LoopbackServer) -> None:
    """An InputError in the middle of the items: what was sent is given out or recorded first."""
    recorder = Recorded()

    def broken() -> Iterator[Item]:
        yield from items(20)
        raise errors.InputError("row 21: a rating needs scale_minimum")

    stop = threading.Event()
    generator = run_blocking(
        lambda: opened(server.base_url, stop=stop, recorder=recorder), broken(), stop
    )
    taken: list[Finished] = []
    with pytest.raises(errors.InputError, match="row 21"):
        taken.extend(generator)
    assert server.count == len(recorder.attempts)
    assert len(taken) == 20


def test_a_taker_that_leaves_stops_the_run(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing the generator sets the stop; no thread is left behind."""
    monkeypatch.setattr(blocking, "_LAST_WAIT_SECONDS", HANG_SECONDS)
    stop = threading.Event()
    source = iter(items(5000))
    # However late the taker leaves, there is only so much that it may take.
    server.hold(after=40)
    generator = run_blocking(lambda: opened(server.base_url, stop=stop, in_work=8), source, stop)
    next(generator)
    generator.close()
    assert stop.is_set()
    assert len(list(source)) > 4000
    server.settle()
    assert server.count <= 40 + 8
    assert not [t for t in threading.enumerate() if t.name == "jobforge-executor"]


def test_an_executor_that_cannot_be_opened_is_told() -> None:
    """An error while connecting is raised where the results are taken."""
    stop = threading.Event()
    with pytest.raises(errors.JobForgeError):
        list(run_blocking(lambda: opened("http://[::1/v1", stop=stop), items(), stop))


def test_no_message_shows_the_key(server: LoopbackServer) -> None:
    """A server that repeats the key in every error: no reason, reply or line has it."""
    server.rates = {"503": 0.5, "401_echo": 0.1}
    ran = run(server.base_url, items(50))
    assert KEY not in repr(ran)
    assert all(KEY.encode() not in (attempt.raw_reply or b"") for attempt in ran.attempts)


@pytest.mark.parametrize("pulled_before", [0, 16, 40])
def test_who_asks_for_more_as_the_items_are_left_is_answered(
    pulled_before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is interrupted while its loop asks for an item ends, and waits for nobody."""
    left = PulledItems(items(64))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(pulled_before):
            await anext(left)
        create_future, task = loop.create_future, asyncio.current_task()
        assert task is not None
        loop.call_later(HANG_SECONDS, task.cancel)

        def left_meanwhile() -> asyncio.Future[Any]:
            left.leave()
            thread = left._thread
            if thread is not None:
                thread.join(HANG_SECONDS)
            return create_future()

        monkeypatch.setattr(loop, "create_future", left_meanwhile)
        # What was pulled is given out, and then it ends.
        assert len([one async for one in left]) == -pulled_before % 16

    asyncio.run(main())
