"""Many items at once, as fast as the server allows, with bounded memory.

A fixed number of workers pull items when they have a hand free, so only so many are in work however
many there are. Every item that is pulled is given out once, with a result for each of its cells;
whatever was paid for is durable before it is given out. A run that is closed (see `state`) still
gives out every item that is left, with the reason and at next to no cost.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable

from jobforge.errors import SettingsError
from jobforge.executor.asking import ask_item
from jobforge.executor.budgets import CallBudget
from jobforge.executor.exchange import Exchange
from jobforge.executor.recording import NullRecorder
from jobforge.executor.sending import Sender
from jobforge.executor.state import RunState
from jobforge.executor.work import Budget, CellResult, Finished, Recorder, WorkItem
from jobforge.limiter import RateLimiter
from jobforge.retries import RetryPolicy
from jobforge.transport import Transport

__all__ = ["INTERRUPTED", "Executor"]

INTERRUPTED = "the run was interrupted: run it again"
_GRACE_SECONDS = 1.0
_STOP_CHECK_SECONDS = 0.05
_LONG_WAIT_SECONDS = 10.0
_SAY_AGAIN_SECONDS = 60.0


class Executor:
    """Runs items through a transport; made and used inside one event loop.

    model: what is asked for, for messages. secrets: what no message may show.
    barred: gives the reason why an item's cells must not be asked any more, right before each
        sending, or None.
    stop: once it is set nothing is sent; what is in flight has a second to come back.
    in_work: items that are in work at once; more than the limiter lets into flight is of no use.
    log: gets one line when the run closes before its end, and one now and then where nothing may be
        sent for long.
    """

    def __init__(
        self,
        transport: Transport,
        limiter: RateLimiter,
        *,
        model: str,
        recorder: Recorder | None = None,
        budget: Budget | None = None,
        policy: RetryPolicy | None = None,
        secrets: Iterable[str] = (),
        barred: Callable[[WorkItem, tuple[str, ...]], str | None] = lambda item, names: None,
        stop: threading.Event | None = None,
        in_work: int = 256,
        log: Callable[[str], None] = lambda line: None,
    ) -> None:
        if in_work < 1:
            raise SettingsError(f"at least one item must be in work, not {in_work}")
        self._stop = stop or threading.Event()
        self._in_work = in_work
        self._limiter = limiter
        self._log = log
        self._state = RunState(limiter.close, log)
        self._sender = Sender(
            Exchange(transport, self._state, model=model, secrets=secrets),
            limiter,
            budget or CallBudget(),
            recorder or NullRecorder(),
            policy or RetryPolicy(),
            self._state,
            barred,
        )

    @property
    def closed_reason(self) -> str | None:
        """Why nothing more is sent, or None while something may be."""
        return self._state.closed_reason or (INTERRUPTED if self._stop.is_set() else None)

    @property
    def fatal_reason(self) -> str | None:
        """Why no further call made sense, where it was a fault and neither a cap nor a stop."""
        return self._state.fatal_reason

    async def run(self, items: AsyncIterator[WorkItem]) -> AsyncIterator[Finished]:
        """Give out every item as it is finished.

        Raises what `items` or the recorder raise, after what is in flight has been recorded.
        """
        finished: asyncio.Queue[Finished | None] = asyncio.Queue(self._in_work)
        pulling = asyncio.Lock()
        workers = [
            asyncio.create_task(self._worker(items, pulling, finished))
            for _ in range(self._in_work)
        ]
        watcher = asyncio.create_task(self._watch())
        end = asyncio.create_task(self._finish(workers, finished))
        try:
            while (done := await finished.get()) is not None:
                yield done
            self._state.end()
            await end
        finally:
            for task in (*workers, watcher, end):
                task.cancel()
            await asyncio.gather(*workers, watcher, end, return_exceptions=True)

    async def _worker(
        self,
        items: AsyncIterator[WorkItem],
        pulling: asyncio.Lock,
        finished: asyncio.Queue[Finished | None],
    ) -> None:
        try:
            while True:
                async with pulling:
                    try:
                        item = await anext(items)
                    except StopAsyncIteration:
                        return
                await finished.put(await self._finished(item))
        except Exception as error:
            # A broken program stops; the other workers keep what they are paid for.
            self._state.close(f"the run failed: {error}")
            self._state.interrupt(_GRACE_SECONDS)
            raise

    async def _finished(self, item: WorkItem) -> Finished:
        reason = self.closed_reason or self._state.why_not(item.group)
        if reason is None and item.attribute_ids:
            return await ask_item(self._sender, item)
        return Finished(item, dict.fromkeys(item.attribute_ids, CellResult("awaiting_llm", reason)))

    @staticmethod
    async def _finish(
        workers: list[asyncio.Task[None]], finished: asyncio.Queue[Finished | None]
    ) -> None:
        results = await asyncio.gather(*workers, return_exceptions=True)
        await finished.put(None)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _watch(self) -> None:
        now = asyncio.get_running_loop().time
        quiet_until = now()
        while not self._stop.is_set():
            await asyncio.sleep(_STOP_CHECK_SECONDS)
            seconds, why = self._limiter.held_up()
            if seconds > _LONG_WAIT_SECONDS and now() >= quiet_until:
                self._log(f"LLM: nothing is sent for {seconds:,.0f} s: {why}")
                quiet_until = now() + _SAY_AGAIN_SECONDS
        self._state.close(INTERRUPTED)
        self._state.interrupt(_GRACE_SECONDS)
