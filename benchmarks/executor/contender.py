"""One library, measured alone in its process; started by the benchmarks beside it.

    python benchmarks/executor/contender.py NAME BASE_URL REQUESTS IN_FLIGHT

It sends the same request (16 attributes, a strict schema) so many times and prints one JSON line:
CPU milliseconds a request and seconds in all (the median of three rounds), answers and failures.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from server import ATTRIBUTES

Send = Callable[[], Awaitable[object]]
KEY = "sk-benchmark-0123456789"
SYSTEM = "You are a workforce analyst who completes a job architecture. " * 60
USER = "Give these attributes of the job Data Analyst. " * 20


def _response_model() -> Any:
    from pydantic import BaseModel, create_model

    class Cell(BaseModel):
        rationale: str
        value: int
        confidence: int

    return create_model("JobAttributes", **dict.fromkeys(ATTRIBUTES, (Cell, ...)))


def _messages() -> list[dict[str, str]]:
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": USER}]


def _body() -> dict[str, Any]:
    schema = _response_model().model_json_schema()
    form = {"name": "JobAttributes", "strict": True, "schema": schema}
    return {
        "model": "benchmark-model",
        "messages": _messages(),
        "response_format": {"type": "json_schema", "json_schema": form},
        "max_tokens": 4096,
    }


@asynccontextmanager
async def raw_aiohttp(base_url: str, in_flight: int) -> AsyncIterator[Send]:
    import aiohttp

    body = json.dumps(_body()).encode()
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    connector = aiohttp.TCPConnector(limit=in_flight)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def send() -> object:
            async with session.post(f"{base_url}/chat/completions", data=body) as reply:
                reply.raise_for_status()
                return json.loads(await reply.read())["choices"][0]["message"]["content"]

        yield send


@asynccontextmanager
async def jobforge_transport(base_url: str, in_flight: int) -> AsyncIterator[Send]:
    from jobforge.provider.completions import read_completion
    from jobforge.provider.connection import Connection
    from jobforge.provider.transport import OpenAITransport

    body = json.dumps(_body()).encode()
    transport = OpenAITransport(
        Connection(base_url, KEY), timeout_seconds=300, max_connections=in_flight
    )

    async def send() -> object:
        return read_completion(await transport.send(body), "benchmark-model", [KEY]).content

    yield send
    await transport.aclose()


@asynccontextmanager
async def openai_post(base_url: str, in_flight: int) -> AsyncIterator[Send]:
    import httpx2
    import openai

    body = json.dumps(_body()).encode()
    async with openai.AsyncOpenAI(
        api_key=KEY, base_url=base_url, max_retries=0, http_client=_aiohttp_client(in_flight)
    ) as client:

        async def send() -> object:
            reply = await client.post("/chat/completions", cast_to=httpx2.Response, content=body)
            return json.loads(reply.content)["choices"][0]["message"]["content"]

        yield send


@asynccontextmanager
async def openai_parse(base_url: str, in_flight: int) -> AsyncIterator[Send]:
    import openai

    async with openai.AsyncOpenAI(api_key=KEY, base_url=base_url) as client:
        yield _parse(client)


@asynccontextmanager
async def openai_parse_aiohttp(base_url: str, in_flight: int) -> AsyncIterator[Send]:
    import openai

    async with openai.AsyncOpenAI(
        api_key=KEY, base_url=base_url, http_client=_aiohttp_client(in_flight)
    ) as client:
        yield _parse(client)


def _parse(client: Any) -> Send:
    model = _response_model()

    async def send() -> object:
        reply = await client.chat.completions.parse(
            model="benchmark-model", messages=_messages(), response_format=model
        )
        return reply.choices[0].message.parsed

    return send


@asynccontextmanager
async def instructor(base_url: str, in_flight: int) -> AsyncIterator[Send]:
    import instructor
    import openai

    model = _response_model()
    inner = openai.AsyncOpenAI(api_key=KEY, base_url=base_url)
    client = instructor.from_openai(inner, mode=instructor.Mode.JSON_SCHEMA)

    async def send() -> object:
        return await client.chat.completions.create(
            model="benchmark-model", messages=_messages(), response_model=model
        )

    yield send
    await inner.close()


@asynccontextmanager
async def litellm(base_url: str, in_flight: int) -> AsyncIterator[Send]:
    import litellm

    litellm.suppress_debug_info = True
    model = _response_model()

    async def send() -> object:
        reply = await litellm.acompletion(
            model="openai/benchmark-model",
            messages=_messages(),
            response_format=model,
            api_base=base_url,
            api_key=KEY,
        )
        return model.model_validate_json(reply.choices[0].message.content)

    yield send


def _aiohttp_client(in_flight: int) -> Any:
    import httpx2
    import openai

    limits = httpx2.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
    return openai.DefaultAioHttpClient(limits=limits)


async def _drive(send: Send, requests: int, in_flight: int) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    left = iter(range(requests))

    async def worker() -> None:
        for _ in left:
            try:
                outcomes["answered" if await send() else "empty"] += 1
            except Exception as error:  # noqa: BLE001 - whatever a library raises is a lost request
                outcomes[type(error).__name__] += 1

    await asyncio.gather(*(worker() for _ in range(in_flight)))
    return outcomes


async def measure(name: str, base_url: str, requests: int, in_flight: int, rounds: int) -> None:
    """Measure one contender and print its line."""
    if name == "jobforge_executor":
        from executor_contender import drive

        # The CPU benchmark meets no limit and starts at full speed; a single round learns one.
        one_round = partial(drive, limited=rounds == 1)
    else:

        async def one_round(base_url: str, requests: int, in_flight: int) -> Counter[str]:
            return await _drive(send, requests, in_flight)

    async with globals().get(name, _nothing)(base_url, in_flight) as send:
        if rounds > 1:
            await one_round(base_url, min(requests, 2 * in_flight), in_flight)
        cpu, seconds = [], []
        for _ in range(rounds):
            cpu_before, before = time.process_time(), time.perf_counter()
            outcomes = await one_round(base_url, requests, in_flight)
            seconds.append(time.perf_counter() - before)
            cpu.append((time.process_time() - cpu_before) / requests * 1000)
    line = {
        "name": name,
        "cpu_ms": statistics.median(cpu),
        "seconds": statistics.median(seconds),
        "answered": outcomes.pop("answered", 0),
        "lost": sum(outcomes.values()),
        "errors": dict(outcomes),
    }
    print(json.dumps(line), flush=True)


@asynccontextmanager
async def _nothing(base_url: str, in_flight: int) -> AsyncIterator[Send]:
    async def send() -> object:
        raise AssertionError("the executor drives itself")

    yield send


if __name__ == "__main__":
    _name, _url, _requests, _in_flight, _rounds = sys.argv[1:6]
    asyncio.run(measure(_name, _url, int(_requests), int(_in_flight), int(_rounds)))
