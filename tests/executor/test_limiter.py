"""The limiter on a virtual clock: how fast it learns, what it obeys, whom it lets go first."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from jobforge.errors import SettingsError
from jobforge.limiter import LimiterClosed, RateLimiter

from executor.limited import BucketLimit, ClockLimit, WindowLimit
from executor.running import run_virtual


class Server:
    """A server on the virtual clock; counts what it saw and what it let through."""

    def __init__(self, limit: Any, latency: tuple[float, float], retry_after: float | None) -> None:
        self.limit, self.latency, self.retry_after = limit, latency, retry_after
        self.seen = self.admitted = 0
        self.random = random.Random(7)

    async def answer(self) -> bool:
        await asyncio.sleep(self.random.uniform(0.01, 0.03))
        self.seen += 1
        if not self.limit.admit():
            await asyncio.sleep(self.random.uniform(0.01, 0.03))
            return False
        self.admitted += 1
        await asyncio.sleep(self.random.uniform(*self.latency))
        return True


async def ask_all(limiter: RateLimiter, server: Server, count: int) -> float:
    """Ask until each of so many requests was let through; return the seconds it took."""
    loop = asyncio.get_running_loop()
    start, left = loop.time(), iter(range(count))
    chance = random.Random(3)

    async def worker() -> None:
        for _ in left:
            urgent = False
            while True:
                async with limiter.slot(urgent=urgent) as slot:
                    if await server.answer():
                        slot.replied({}, 0.1)
                        break
                    slot.refused({}, server.retry_after)
                urgent = True
                await asyncio.sleep((server.retry_after or 0) + chance.uniform(0, 0.5))

    await asyncio.gather(*(worker() for _ in range(256)))
    return loop.time() - start


LIMITS: dict[str, Callable[[Any], Any]] = {
    "bucket of 50": lambda clock: BucketLimit(50, 50, clock),
    "bucket of 5": lambda clock: BucketLimit(50, 5, clock),
    "any second": lambda clock: WindowLimit(50, 1, clock),
    "each second of the clock": lambda clock: ClockLimit(50, 1, clock),
}


@pytest.mark.parametrize("retry_after", [None, 1.0])
@pytest.mark.parametrize("kind", LIMITS)
def test_an_unknown_limit_costs_little(kind: str, retry_after: float | None) -> None:
    """Against an unknown 50 a second: all through, 5 % extra requests, 1.15 of the ideal time."""

    async def main() -> tuple[Server, float]:
        limit = LIMITS[kind](asyncio.get_running_loop().time)
        server = Server(limit, (0.05, 0.2), retry_after)
        return server, await ask_all(RateLimiter(), server, 1500)

    server, seconds = run_virtual(main())
    assert server.admitted == 1500
    assert server.seen <= 1500 * 1.05
    assert seconds <= 30 * 1.15


@pytest.mark.parametrize("rate", [5, 500])
def test_limits_of_other_sizes_are_learnt_too(rate: int) -> None:
    """A limit ten times lower or higher is met within a quarter of the ideal time."""

    async def main() -> tuple[Server, float]:
        limit = BucketLimit(rate, rate, asyncio.get_running_loop().time)
        server = Server(limit, (0.05, 0.2), None)
        return server, await ask_all(RateLimiter(), server, rate * 40)

    server, seconds = run_virtual(main())
    assert server.seen <= rate * 40 * 1.05 + 40
    assert seconds <= 40 * 1.25


def test_a_raised_limit_is_found() -> None:
    """When the server's limit rises five times, the pace follows within half a minute."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        limit = BucketLimit(20, 20, loop.time)
        server = Server(limit, (0.05, 0.2), None)
        limiter = RateLimiter()
        await ask_all(limiter, server, 400)
        limit._rate = limit._burst = 100
        await ask_all(limiter, server, 3000)
        return limiter.rate

    assert 70 <= run_virtual(main()) <= 130


def test_a_known_limit_is_never_passed() -> None:
    """Limits in the headers of the first reply: not one request is refused."""

    async def main() -> Server:
        loop = asyncio.get_running_loop()
        limit = BucketLimit(10, 600, loop.time)
        limit.level = 100
        server = Server(limit, (0.05, 0.2), None)
        limiter = RateLimiter()
        left = iter(range(700))

        async def worker() -> None:
            for _ in left:
                async with limiter.slot() as slot:
                    assert await server.answer()
                    headers = {
                        "x-ratelimit-limit-requests": "600",
                        "x-ratelimit-remaining-requests": str(int(limit.level)),
                        "x-ratelimit-reset-requests": f"{(600 - limit.level) / 10:.2f}s",
                    }
                    slot.replied(headers, 0.1)

        await asyncio.gather(*(worker() for _ in range(64)))
        return server

    assert run_virtual(main()).seen == 700


def test_tokens_are_limited_as_requests_are() -> None:
    """A limit of tokens a minute holds, and a request larger than the store is still sent."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        start = loop.time()
        limiter = RateLimiter(tokens_per_minute=6000, start_rate=1e6)
        for _ in range(20):
            async with limiter.slot(1000):
                pass
        return loop.time() - start

    assert run_virtual(main()) == pytest.approx(190, rel=0.05)


def test_the_callers_own_limit_holds_whatever_headers_say() -> None:
    """The tighter of the caller's limit and the server's counts."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        start = loop.time()
        limiter = RateLimiter(requests_per_minute=60, start_rate=1e6)
        roomy = {"x-ratelimit-limit-requests": "9000", "x-ratelimit-remaining-requests": "9000"}
        for _ in range(31):
            async with limiter.slot() as slot:
                slot.replied(roomy, 0.1)
        return loop.time() - start

    assert run_virtual(main()) == pytest.approx(30, rel=0.05)


def test_a_long_retry_after_stops_everyone() -> None:
    """A Retry-After of 130 seconds, longer than the openai client obeys, holds all sending."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        limiter = RateLimiter()
        async with limiter.slot() as slot:
            slot.refused({}, 130.0)
        refused_at = loop.time()
        async with limiter.slot():
            return loop.time() - refused_at

    assert run_virtual(main()) >= 130


def test_what_is_sent_again_goes_first() -> None:
    """An urgent request overtakes those that wait, and those keep their order."""

    async def main() -> list[str]:
        limiter = RateLimiter(max_in_flight=1)
        order: list[str] = []

        async def ask(name: str, urgent: bool) -> None:
            async with limiter.slot(urgent=urgent):
                order.append(name)
                await asyncio.sleep(1)

        names = [("a", False), ("b", False), ("c", False), ("again", True)]
        await asyncio.gather(*(ask(name, urgent) for name, urgent in names))
        return order

    assert run_virtual(main()) == ["a", "again", "b", "c"]


def test_a_cancelled_waiter_leaves_its_place() -> None:
    """Cancelling whoever waits, or is let through, blocks nobody."""

    async def main() -> int:
        limiter = RateLimiter(max_in_flight=1)

        async def ask() -> None:
            async with limiter.slot():
                await asyncio.sleep(1)

        tasks = [asyncio.create_task(ask()) for _ in range(5)]
        await asyncio.sleep(0.5)
        for task in tasks[:4]:
            task.cancel()
        await tasks[4]
        return limiter.in_flight

    assert run_virtual(main()) == 0


def test_closing_wakes_everyone() -> None:
    """After close, whoever waits and whoever comes gets LimiterClosed."""

    async def main() -> None:
        limiter = RateLimiter(max_in_flight=1)
        async with limiter.slot():
            waiting = asyncio.ensure_future(limiter.slot().__aenter__())
            await asyncio.sleep(1)
            limiter.close()
            with pytest.raises(LimiterClosed):
                await waiting
        with pytest.raises(LimiterClosed):
            async with limiter.slot():
                pass

    run_virtual(main())


def test_a_server_that_works_on_four_at_once_is_not_flooded() -> None:
    """More in flight than brings replies sooner is not sent: no queue, no time-outs."""

    async def main() -> int:
        limiter = RateLimiter(start_rate=1e4)
        working = asyncio.Semaphore(4)
        left = iter(range(600))

        async def worker() -> None:
            loop = asyncio.get_running_loop()
            for _ in left:
                async with limiter.slot() as slot:
                    started = loop.time()
                    async with working:
                        await asyncio.sleep(2)
                    slot.replied({}, loop.time() - started)

        await asyncio.gather(*(worker() for _ in range(256)))
        return limiter.in_flight_limit

    assert 4 <= run_virtual(main()) <= 12


def test_a_server_that_bears_much_gets_much() -> None:
    """As long as latency stays, the number in flight grows to its bound."""

    async def main() -> int:
        limiter = RateLimiter(start_rate=1e4)

        async def ask() -> None:
            async with limiter.slot() as slot:
                await asyncio.sleep(2)
                slot.replied({}, 2.0)

        await asyncio.gather(*(ask() for _ in range(2000)))
        return limiter.in_flight_limit

    assert run_virtual(main()) == 256


def test_faults_lower_the_number_in_flight_once_a_wave() -> None:
    """Ten faults of requests that were in flight together cut the limit once."""

    async def main() -> int:
        limiter = RateLimiter(start_in_flight=100, start_rate=1e6)
        slots = [limiter.slot() for _ in range(10)]
        for slot in slots:
            await slot.__aenter__()
        for slot in slots:
            slot.failed()
        return limiter.in_flight_limit

    assert run_virtual(main()) == 70


@pytest.mark.parametrize(
    "bad",
    [
        {"requests_per_minute": 0},
        {"tokens_per_minute": -1},
        {"start_rate": 0},
        {"max_in_flight": 0},
        {"start_in_flight": 0},
    ],
)
def test_a_limit_without_meaning_is_refused(bad: dict[str, float]) -> None:
    """Limits that are not above 0 are a SettingsError."""
    with pytest.raises(SettingsError):
        RateLimiter(**bad)  # type: ignore[arg-type]
