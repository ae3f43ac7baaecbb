"""From the outside, a plain generator: items in, finished items out, the event loop in a thread.

Items are pulled in a thread of their own, so that a slow source (a warehouse that sorts) stops
neither replies nor Ctrl-C. Both directions are bounded: what nobody takes is not asked for.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from itertools import islice

from jobforge.live.executor import Executor
from jobforge.live.item import Finished, Item

__all__ = ["PulledItems", "run_blocking"]

_PULLED_AT_ONCE = 16
_UNTAKEN = 4096
_LAST_WAIT_SECONDS = 3.0


def run_blocking(
    executor: Callable[[], AbstractAsyncContextManager[Executor]],
    items: Iterable[Item],
    stop: threading.Event,
) -> Iterator[Finished]:
    """Yield every item as it is finished.

    executor: opens the executor (and its transport) inside the event loop.
    stop: the executor's own; it is set when the generator is closed early.

    Raises what the run raises.
    """
    results: queue.SimpleQueue[Finished | BaseException | None] = queue.SimpleQueue()
    taken = [0]
    pulled = PulledItems(items)

    async def main() -> None:
        given = 0
        async with executor() as running:
            async for finished in running.run(pulled):
                results.put(finished)
                given += 1
                while given - taken[0] > _UNTAKEN and not stop.is_set():
                    await asyncio.sleep(0.01)

    def thread() -> None:
        try:
            asyncio.run(main())
            results.put(None)
        except BaseException as error:  # noqa: BLE001 - it is raised where the results are taken
            results.put(error)
        finally:
            pulled.leave()

    running = threading.Thread(target=thread, name="jobforge-executor", daemon=True)
    running.start()
    ended = False
    try:
        while True:
            result = results.get()
            if result is None or isinstance(result, BaseException):
                ended = True
                if result is None:
                    return
                raise result
            taken[0] += 1
            yield result
    finally:
        if not ended:
            stop.set()
            pulled.leave()
        running.join(None if ended else _LAST_WAIT_SECONDS)


class PulledItems:
    """Items of a plain iterable, pulled a few at a time in another thread.

    One task at a time may ask for the next.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = iter(items)
        self._pulled: deque[Item] = deque()
        self._error: Exception | None = None
        self._ended = False
        # Nobody asks the thread for more once it was told to leave: it would not answer.
        self._asking = threading.Lock()
        self._wanted: queue.SimpleQueue[asyncio.Future[None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def leave(self) -> None:
        """Pull nothing more: the items that are left are nobody's business."""
        with self._asking:
            self._ended = True
            self._wanted.put(None)

    def __aiter__(self) -> AsyncIterator[Item]:
        return self

    async def __anext__(self) -> Item:
        if not self._pulled and not self._ended and self._error is None:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._pull,
                    args=(asyncio.get_running_loop(),),
                    name="jobforge-items",
                    daemon=True,
                )
                self._thread.start()
            arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            with self._asking:
                if not self._ended:
                    self._wanted.put(arrived)
                else:
                    arrived.set_result(None)
            await arrived
        if self._pulled:
            return self._pulled.popleft()
        if self._error is not None:
            raise self._error
        raise StopAsyncIteration

    def _pull(self, loop: asyncio.AbstractEventLoop) -> None:
        while (arrived := self._wanted.get()) is not None:
            try:
                if not self._ended:
                    self._pull_some()
            except Exception as error:  # noqa: BLE001 - it is raised where the items are taken
                self._error = error
            try:
                loop.call_soon_threadsafe(_arrive, arrived)
            except RuntimeError:
                return  # the loop is closed: nobody waits any more

    def _pull_some(self) -> None:
        count = 0
        for item in islice(self._items, _PULLED_AT_ONCE):
            self._pulled.append(item)
            count += 1
        if count < _PULLED_AT_ONCE:
            self._ended = True


def _arrive(arrived: asyncio.Future[None]) -> None:
    if not arrived.done():
        arrived.set_result(None)
