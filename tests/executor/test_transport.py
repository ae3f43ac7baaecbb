"""The way to the server over real HTTP: every reply or one of our errors, and never the key."""

from __future__ import annotations

import asyncio
import inspect
import json
import socket
from typing import Any

import aiohttp
import httpx2
import openai
import pytest
from jobforge import errors
from jobforge.provider.completions import Reply, read_completion
from jobforge.provider.connection import Connection
from jobforge.provider.transport import OpenAITransport
from support.loopback_server import LoopbackServer
from support.waiting import HANG_SECONDS

from executor.running import KEY

BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hello"}]}).encode()


def send(base_url: str, *, times: int = 1, key: str = KEY, **options: Any) -> Reply:
    """Send so many requests, return the last reply."""

    async def main() -> Reply:
        transport = OpenAITransport(
            Connection(base_url, key), **{"timeout_seconds": HANG_SECONDS, **options}
        )
        try:
            for _ in range(times):
                reply = await transport.send(BODY)
            return reply
        finally:
            await transport.aclose()

    return asyncio.run(main())


def test_a_reply_is_given_as_it_came(server: LoopbackServer) -> None:
    """Body, status and request id arrive; key and content type are sent; nothing is retried."""
    reply = send(server.base_url)
    assert reply.status == 200
    assert json.loads(reply.body)["choices"]
    assert reply.request_id == "req_1"
    (asked,) = server.asked
    assert asked.has_key
    assert asked.headers["content-type"] == "application/json"
    assert asked.body == json.loads(BODY)


def test_the_headers_of_interest_are_kept() -> None:
    """Limits and waits are kept, cookies and the rest are not."""
    said = {"X-RateLimit-Limit-Requests": "500", "retry-after": "3", "set-cookie": "a=b"}
    with LoopbackServer(headers=lambda: said) as server:
        reply = send(server.base_url)
    assert reply.headers == {
        "x-request-id": "req_1",
        "x-ratelimit-limit-requests": "500",
        "retry-after": "3",
    }


@pytest.mark.parametrize("status", ["400", "401", "404", "429", "500", "503"])
def test_any_status_is_a_reply(server: LoopbackServer, status: str) -> None:
    """An HTTP error is a reply to be read, sent once."""
    server.script(status)
    assert send(server.base_url).status == int(status)
    assert server.count == 1


def test_the_key_is_taken_out_of_what_comes_back() -> None:
    """A server that repeats the key, in its body or in a header, tells nobody."""
    with LoopbackServer(headers=lambda: {"x-ratelimit-note": f"key {KEY}"}) as server:
        server.script("401_echo")
        reply = send(server.base_url)
    assert KEY.encode() not in reply.body
    assert b"[redacted]" in reply.body
    assert KEY not in str(reply.headers)
    assert KEY not in repr(reply)
    completion = read_completion(reply, "m", [KEY])
    assert KEY not in str(completion.error)


def test_a_short_key_spoils_no_reply(server: LoopbackServer) -> None:
    """A word in place of a key is left where a reply has it."""
    assert b"[redacted]" not in send(server.base_url, key="e").body


def test_an_azure_deployments_address_keeps_its_query() -> None:
    """The version is sent with every request, and the key by the header that Azure reads."""
    with LoopbackServer(deployment="my-gpt") as server:
        reply = send(server.base_url)
        assert reply.status == 200
        (asked,) = server.asked
    assert asked.path == "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21"
    assert asked.has_key
    assert "authorization" not in asked.headers


def test_a_redirect_is_not_followed(server: LoopbackServer) -> None:
    """A prompt goes where the user sent it and nowhere else, and each call is counted."""
    server.script("redirect")
    reply = send(server.base_url)
    assert reply.status == 307
    assert server.count == 1
    error = read_completion(reply, "m").error
    assert isinstance(error, errors.RequestRejectedError)
    assert "OPENAI_BASE_URL" in str(error)


def test_the_transport_does_not_show_the_key() -> None:
    """Its repr has the address without a user's password, and no key."""

    async def main() -> str:
        transport = OpenAITransport(
            Connection("http://user:secret@127.0.0.1:1/v1", KEY), timeout_seconds=5
        )
        await transport.aclose()
        return repr(transport)

    shown = asyncio.run(main())
    assert "127.0.0.1" in shown
    assert KEY not in shown
    assert "secret" not in shown


def test_a_flood_is_an_error(server: LoopbackServer) -> None:
    """A reply of ten million bytes is cut off and is unreadable, not kept in memory."""
    server.script("flood=10")
    with pytest.raises(errors.UnreadableReplyError, match="larger than"):
        send(server.base_url)


def test_a_drip_ends_by_the_time_out(server: LoopbackServer) -> None:
    """A server that sends a byte now and then is not waited for longer than one that is silent."""
    server.script("drip=0.02")
    with pytest.raises(errors.TimedOutError, match=r"within 0\.3 seconds"):
        send(server.base_url, timeout_seconds=0.3)


def test_silence_ends_by_the_time_out(server: LoopbackServer) -> None:
    """A server that does not answer is a TimedOutError."""
    server.script("slow")
    with pytest.raises(errors.TimedOutError):
        send(server.base_url, timeout_seconds=0.2)


def test_a_broken_connection_is_said_to_be_one(server: LoopbackServer) -> None:
    """A reset is a ConnectionFailedError, not a time-out."""
    server.script("reset")
    with pytest.raises(errors.ConnectionFailedError):
        send(server.base_url)


def test_nobody_there_is_a_connection_failed() -> None:
    """A port where nobody listens is a ConnectionFailedError."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(errors.ConnectionFailedError):
        send(f"http://127.0.0.1:{port}/v1")


def test_an_address_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A base URL that cannot be parsed is an error of ours."""
    with pytest.raises(errors.JobForgeError):
        send("http://[::1/v1")


def test_connections_are_used_again(server: LoopbackServer) -> None:
    """Requests that follow each other share a connection."""
    opened: list[object] = []
    server.headers = lambda: {}
    process = server._server.process_request
    server._server.process_request = lambda *a: (opened.append(a), process(*a))[1]  # type: ignore
    send(server.base_url, times=5)
    assert len(opened) == 1


def _exceptions_of(module: Any) -> list[type[Exception]]:
    named = [name for name in dir(module) if name.endswith(("Error", "Exception", "Timeout"))]
    kinds = [getattr(module, name) for name in named]
    return [k for k in kinds if inspect.isclass(k) and issubclass(k, Exception)]


def test_every_error_of_the_libraries_becomes_one_of_ours() -> None:
    """openai's, httpx2's and aiohttp's errors all map into the tree; a bug is none of them."""

    async def main() -> None:
        transport = OpenAITransport(Connection("http://127.0.0.1:1/v1", KEY), timeout_seconds=5)
        kinds = [*_exceptions_of(openai), *_exceptions_of(httpx2), *_exceptions_of(aiohttp)]
        assert len(kinds) > 40
        for kind in kinds:
            said = type(kind.__name__, (kind,), {"__str__": lambda self: f"said {KEY}"})
            error = said.__new__(said)
            if not isinstance(error, transport._faults):
                elsewhere = ("WebSocket", "WS", "Webhook")
                of_requests = kind.__module__.startswith(("aiohttp.client", "openai"))
                assert not of_requests or any(word in kind.__name__ for word in elsewhere), kind
                continue
            ours = transport._error(error)
            assert isinstance(ours, errors.JobForgeError), kind
            assert KEY not in str(ours), kind
        assert not issubclass(ZeroDivisionError, transport._faults)
        await transport.aclose()

    asyncio.run(main())
