"""The asynchronous way to the model's server; beside `client` the only module that imports openai.

It sends bytes and gives back bytes. The openai client prepares the address, the key and the
headers once, and its aiohttp connection pool carries the requests; what it would do for every
request (copying options, building models, retrying) is left out, which is two thirds of its cost.

A reply of any HTTP status is a Reply; only where there is none is an error raised. A reply is read
up to a limit, and all of it must have come within the time-out, so a server that drips or floods
ends in an error. What is secret is taken out of everything that comes back.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

from jobforge.errors import (
    ConnectionFailedError,
    ReplyError,
    SettingsError,
    TimedOutError,
    UnreadableReplyError,
)
from jobforge.provider.completions import Reply
from jobforge.provider.connection import Connection
from jobforge.redaction import redact

if TYPE_CHECKING:
    import httpx2

__all__ = ["OpenAITransport", "Transport"]

_LARGEST_REPLY = 4 * 1024 * 1024
_CONNECT_SECONDS = 15.0
_KEEPALIVE_SECONDS = 30.0
_KEPT_HEADERS = (b"x-request-id", b"retry-after", b"retry-after-ms", b"openai-processing-ms")
_KEPT_PREFIX = b"x-ratelimit-"


class Transport(Protocol):
    """Whatever can carry a request to a server."""

    async def send(self, body: bytes) -> Reply:
        """Send one request; raises ConnectionFailedError, TimedOutError, UnreadableReplyError."""

    async def aclose(self) -> None:
        """Close the connections."""


class OpenAITransport:
    """Sends chat completions requests to one server.

    timeout_seconds: how long one request may take, to the last byte of its reply.
    max_connections: as many as may be in flight.
    largest_reply: in bytes, unpacked.

    Make and use it inside one event loop. Raises SettingsError where the address is none.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        timeout_seconds: float,
        max_connections: int = 256,
        largest_reply: int = _LARGEST_REPLY,
    ) -> None:
        import aiohttp
        import httpx2
        import openai

        self._faults = (
            *(httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError),
            *(openai.OpenAIError, aiohttp.ClientError, OSError),
        )
        self._time_outs = (httpx2.TimeoutException, aiohttp.ServerTimeoutError, TimeoutError)
        self._garbled = httpx2.DecodingError
        self._secrets = connection.secrets
        self._shown = connection.shown
        self._timeout = timeout_seconds
        self._largest = largest_reply
        limits = httpx2.Limits(
            max_connections=max_connections,
            max_keepalive_connections=max_connections,
            keepalive_expiry=_KEEPALIVE_SECONDS,
        )
        self._http = openai.DefaultAioHttpClient(limits=limits)
        try:
            client = openai.AsyncOpenAI(
                api_key=connection.api_key,
                base_url=connection.address,
                max_retries=0,
                http_client=self._http,
            )
            url = client.base_url.join("chat/completions")
            self._url = url.copy_merge_params(connection.query) if connection.query else url
        except (httpx2.InvalidURL, ValueError) as error:
            said = redact(str(error), self._secrets)
            raise SettingsError(f"OPENAI_BASE_URL is not an address: {said}") from None
        # What was asked for unpacked cannot unfold into something larger.
        unpacked = {"Accept-Encoding": "identity"}
        headers = {**client.default_headers, **connection.auth_headers, **unpacked}
        # Headers about this machine and the openai client help nobody and cost every request.
        self._headers = httpx2.Headers(
            {
                name: value
                for name, value in headers.items()
                if isinstance(value, str) and not name.startswith("X-Stainless-")
            }
        )
        connect = min(_CONNECT_SECONDS, timeout_seconds)
        timeouts = httpx2.Timeout(timeout_seconds, connect=connect, pool=timeout_seconds)
        self._extensions = {"timeout": timeouts.as_dict()}
        self._request_type = httpx2.Request

    async def send(self, body: bytes) -> Reply:
        """Send one request and return the reply, whatever its status."""
        request = self._request_type(
            "POST", self._url, headers=self._headers, content=body, extensions=self._extensions
        )
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._http.send(request, stream=True, follow_redirects=False)
                try:
                    content = await self._read(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise self._timed_out() from None
        except self._faults as error:
            raise self._error(error) from None
        latency = time.perf_counter() - started
        reply = Reply(response.status_code, self._kept(response), content, latency)
        return reply.without(self._secrets)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._shown!r})"

    async def _read(self, response: httpx2.Response) -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > self._largest:
                raise UnreadableReplyError(
                    f"unreadable: the reply is larger than {self._largest:,} bytes",
                    status=response.status_code,
                    request_id=response.headers.get("x-request-id"),
                )
            chunks.append(chunk)
        return b"".join(chunks)

    def _kept(self, response: httpx2.Response) -> dict[str, str]:
        kept = {}
        for raw_name, raw_value in response.headers.raw:
            name = raw_name.lower()
            if name in _KEPT_HEADERS or name.startswith(_KEPT_PREFIX):
                value = raw_value.decode("ascii", "replace")
                kept[name.decode("ascii", "replace")] = value
        return kept

    def _timed_out(self) -> TimedOutError:
        return TimedOutError(f"no reply within {self._timeout:g} seconds")

    def _error(self, error: Exception) -> ConnectionFailedError | TimedOutError | ReplyError:
        # The connection pool gives some broken connections the name of a time-out.
        cause = error.__cause__ or error
        if isinstance(cause, self._time_outs):
            return self._timed_out()
        said = redact(str(cause) or type(cause).__name__, self._secrets)
        if isinstance(error, self._garbled):
            return UnreadableReplyError(f"unreadable: {said}")
        return ConnectionFailedError(f"no connection: {said}")
