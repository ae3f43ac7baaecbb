"""Recording in groups: many attempts, one durable write, and nobody goes on before it.

A writer thread takes what has gathered and writes it; while it writes, more gathers. So the store
sees a few large transactions however many requests are in flight, and the event loop never waits
for a disk.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from jobforge.answers.attempts import Attempt

__all__ = ["GroupRecorder", "Recorder"]

_OVERDUE_SECONDS = 1.0

_Waiting = tuple[Attempt, "asyncio.Future[None]", asyncio.AbstractEventLoop]


class Recorder(Protocol):
    """Whatever makes attempts durable."""

    async def record(self, attempt: Attempt) -> None:
        """Return once the attempt cannot be lost any more; an error ends the run."""

    def is_overdue(self) -> bool:
        """Say whether the store keeps attempts waiting for longer than it should."""


class GroupRecorder:
    """Gives attempts to `write` in groups, from a thread of its own; a context manager.

    A group is written when it has `most` attempts or has gathered for `seconds`. What `write`
    raises is raised to everyone who waits, then and later: nothing is lost in silence.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Attempt]], object],
        *,
        most: int = 256,
        seconds: float = 0.02,
    ) -> None:
        self._write = write
        self._most = most
        self._seconds = seconds
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._broken: Exception | None = None
        self._writing_since: float | None = None
        self._thread = threading.Thread(target=self._work, name="jobforge-recorder", daemon=True)

    def __enter__(self) -> GroupRecorder:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._queue.put(None)
        self._thread.join()

    async def record(self, attempt: Attempt) -> None:
        """Return once the attempt is written."""
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()
        self._queue.put((attempt, written, loop))
        await written

    def is_overdue(self) -> bool:
        """Say whether a group has been waiting to be written for long."""
        since = self._writing_since
        return since is not None and time.monotonic() - since > _OVERDUE_SECONDS

    def _work(self) -> None:
        last = False
        while not last:
            group, last = self._group()
            if not group:
                continue
            if self._broken is None:
                self._writing_since = time.monotonic()
                try:
                    self._write([attempt for attempt, _, _ in group])
                except Exception as error:  # noqa: BLE001 - whatever it is, the waiting raise it
                    self._broken = error
                finally:
                    self._writing_since = None
            for loop in {loop for _, _, loop in group}:
                futures = [written for _, written, its in group if its is loop]
                _call_soon(loop, self._resolve, futures, self._broken)

    def _group(self) -> tuple[list[_Waiting], bool]:
        group: list[_Waiting] = []
        until = None
        while len(group) < self._most:
            left = None if until is None else max(0.0, until - time.monotonic())
            try:
                waiting = self._queue.get(timeout=left)
            except queue.Empty:
                break
            if waiting is None:
                return group, True
            group.append(waiting)
            until = until or time.monotonic() + self._seconds
        return group, False

    @staticmethod
    def _resolve(futures: Sequence[asyncio.Future[None]], error: Exception | None) -> None:
        for future in futures:
            if future.done():
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)


def _call_soon(
    loop: asyncio.AbstractEventLoop, call: Callable[..., object], *arguments: object
) -> None:
    try:
        loop.call_soon_threadsafe(call, *arguments)
    except RuntimeError:
        """The loop is closed: nobody waits any more."""
