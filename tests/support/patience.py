"""Time-outs that end when the server keeps silent on purpose, and never on a busy machine."""

from __future__ import annotations

import asyncio

import pytest
from jobforge.provider.completions import Reply
from jobforge.provider.transport import OpenAITransport

from support.loopback_server import LoopbackServer

__all__ = ["Patience"]

_send = OpenAITransport.send


class Patience:
    """Ends the time of a request when a server meets it with `slow` or `drip`.

    What the server answers is waited for however long that takes. The settings' own time-out is to
    be as long as a hang may last.
    """

    def __init__(self, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self._waiting: dict[bytes, tuple[asyncio.AbstractEventLoop, asyncio.Timeout]] = {}
        server.silent = self._end

        async def send(transport: OpenAITransport, body: bytes) -> Reply:
            try:
                async with asyncio.timeout(None) as scope:
                    self._waiting[body] = asyncio.get_running_loop(), scope
                    return await _send(transport, body)
            except TimeoutError:
                raise transport._timed_out() from None
            finally:
                self._waiting.pop(body, None)

        monkeypatch.setattr(OpenAITransport, "send", send)

    def _end(self, body: bytes) -> None:
        loop, scope = self._waiting[body]
        loop.call_soon_threadsafe(self._time_is_over, body, scope)

    def _time_is_over(self, body: bytes, scope: asyncio.Timeout) -> None:
        # Another request of the same bytes may be the one that waits by now.
        if self._waiting.get(body, (None, None))[1] is scope:
            scope.reschedule(asyncio.get_running_loop().time())
