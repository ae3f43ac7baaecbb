"""A fast chat completions server for benchmarks: one canned answer, an optional limit of rate.

    python benchmarks/executor/server.py --delay 0.05 --rate 50 --burst 50 --kind bucket

It prints its address. GET /stats says what it has seen; GET /reset starts anew.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from executor.limited import BucketLimit, ClockLimit, WindowLimit

ATTRIBUTES = [f"attribute_{number:02}" for number in range(1, 17)]
_CELL = {"rationale": "Reports are read and written every day.", "value": 3, "confidence": 75}
_CONTENT = json.dumps(dict.fromkeys(ATTRIBUTES, _CELL))
_COMPLETION = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "benchmark-model",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": _CONTENT, "refusal": None},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": {"prompt_tokens": 2000, "completion_tokens": 400, "total_tokens": 2400},
    }
).encode()
_REFUSAL = json.dumps(
    {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}}
).encode()


Limit = BucketLimit | WindowLimit | ClockLimit


class Server:
    """What the connections share."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.reset()
        self.ok = _http(200, _COMPLETION, "x-request-id: req_1\r\n")
        waiting = f"retry-after: {given.retry_after}\r\n" if given.retry_after else ""
        self.refusal = _http(429, _REFUSAL, waiting)

    def reset(self) -> None:
        self.seen = self.admitted = 0
        rate, burst = self.given.rate, self.given.burst
        clock = time.monotonic
        kinds: dict[str, Callable[[], Limit]] = {
            "bucket": lambda: BucketLimit(rate, burst, clock),
            "sliding": lambda: WindowLimit(rate, 1, clock),
            "fixed": lambda: ClockLimit(rate, 1, clock),
        }
        self.limit = kinds[self.given.kind]() if rate else None

    def stats(self) -> bytes:
        return _http(200, json.dumps({"seen": self.seen, "admitted": self.admitted}).encode())


class Connection(asyncio.Protocol):
    """One client's connection; requests are answered in order."""

    def __init__(self, server: Server) -> None:
        self.server, self.buffer = server, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            place = head.find(b"content-length:")
            size = int(head[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
            if len(self.buffer) < end + 4 + size:
                return
            self.buffer = self.buffer[end + 4 + size :]
            self.answer(head)

    def answer(self, head: bytes) -> None:
        server = self.server
        if head.startswith(b"get /stats"):
            return self.write(server.stats())
        if head.startswith(b"get /reset"):
            server.reset()
            return self.write(server.stats())
        server.seen += 1
        if server.limit is not None and not server.limit.admit():
            return self.write(server.refusal)
        server.admitted += 1
        asyncio.get_running_loop().call_later(server.given.delay, self.write, server.ok)

    def write(self, reply: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(reply)  # type: ignore[attr-defined]


def _http(status: int, body: bytes, headers: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status} -\r\ncontent-type: application/json\r\n{headers}"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode() + body


async def _serve(given: argparse.Namespace) -> None:
    server = Server(given)
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: Connection(server), "127.0.0.1", given.port, backlog=2048
    )
    print(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1", flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.05, help="seconds before an answer")
    parser.add_argument("--kind", choices=("bucket", "sliding", "fixed"), default="bucket")
    parser.add_argument("--rate", type=float, default=0, help="requests a second; 0 is no limit")
    parser.add_argument("--burst", type=float, default=50, help="what a bucket has in store")
    parser.add_argument("--retry-after", help="what a refusal says; nothing by default")
    asyncio.run(_serve(parser.parse_args()))
