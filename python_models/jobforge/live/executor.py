"""Many items at once, as fast as the server allows, with bounded memory.

Workers pull items when they have a hand free, no more of them than are needed, and never more than
may be in work. Every item that is pulled is given out once, with a result for each of its cells;
whatever was paid for is durable before it is given out. A run that is closed (see `state`) still
gives out every item that is left, with the reason and at next to no cost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

from jobforge.answers.follow_up import Again, after_cells, after_live
from jobforge.errors import SettingsError
from jobforge.limiter import RateLimiter
from jobforge.live.exchange import Exchange
from jobforge.live.item import CellResult, Finished, Item, Question
from jobforge.live.recorder import Recorder
from jobforge.live.retries import RetryPolicy
from jobforge.live.schema_forms import SchemaForms
from jobforge.live.sender import Asked, Failed, Sender, Unasked
from jobforge.live.state import RunState
from jobforge.money.budget import Budget
from jobforge.provider.transport import Transport
from jobforge.reasons import INTERRUPTED, Reason, ReasonCode
from jobforge.requests.replies import BadCell
from jobforge.settings import SchemaFormChoice

__all__ = ["Executor"]

_GRACE_SECONDS = 1.0
_STOP_CHECK_SECONDS = 0.05
_LONG_WAIT_SECONDS = 10.0
_SAY_AGAIN_SECONDS = 60.0


async def _never(question: Question) -> Reason | None:
    return None


class Executor:
    """Runs items through a transport; made and used inside one event loop.

    state: says whether the run still sends, and is told what was met. model: what is asked for, for
        messages. secrets: what no message may show.
    barred: gives the reason why a question must not be asked any more, right before each sending,
        or None.
    schema_form: see `Settings`.
    in_work: items that are in work at once; more than the limiter lets into flight is of no use.

    Once the state's `stop` is set nothing is sent; what is in flight has a second to come back.
    """

    def __init__(
        self,
        *,
        transport: Transport,
        limiter: RateLimiter,
        state: RunState,
        recorder: Recorder,
        budget: Budget,
        model: str,
        policy: RetryPolicy | None = None,
        secrets: Iterable[str] = (),
        barred: Callable[[Question], Awaitable[Reason | None]] = _never,
        schema_form: SchemaFormChoice = "auto",
        in_work: int = 256,
    ) -> None:
        if in_work < 1:
            raise SettingsError(f"at least one item must be in work, not {in_work}")
        self._in_work = in_work
        self._limiter = limiter
        self._state = state
        self._sender = Sender(
            exchange=Exchange(transport=transport, state=state, model=model, secrets=secrets),
            limiter=limiter,
            budget=budget,
            recorder=recorder,
            policy=policy or RetryPolicy(),
            state=state,
            barred=barred,
            schema_forms=SchemaForms(schema_form, state.say),
        )

    async def run(self, items: AsyncIterator[Item]) -> AsyncIterator[Finished]:
        """Give out every item as it is finished.

        Raises what `items` or the recorder raise, after what is in flight has been recorded.
        """
        finished: asyncio.Queue[Finished | None] = asyncio.Queue(self._in_work)
        pulling = asyncio.Lock()
        workers: list[asyncio.Task[None]] = []

        def hire() -> None:
            # As they are needed: a run of one item has two workers and not the most there may be.
            if len(workers) < self._in_work:
                work = self._worker(items, pulling, finished, hire)
                workers.append(asyncio.create_task(work))

        hire()
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
        items: AsyncIterator[Item],
        pulling: asyncio.Lock,
        finished: asyncio.Queue[Finished | None],
        hire: Callable[[], None],
    ) -> None:
        try:
            while True:
                async with pulling:
                    try:
                        item = await anext(items)
                    except StopAsyncIteration:
                        return
                hire()
                await finished.put(await self._finish_item(item))
        except Exception as error:
            # A broken program stops; the other workers keep what they are paid for.
            self._state.close(Reason(ReasonCode.RUN_FAILED, f"the run failed: {error}"))
            self._state.interrupt(_GRACE_SECONDS)
            raise

    async def _finish_item(self, item: Item) -> Finished:
        """Ask for an item's cells; every one of them gets its result."""
        reason = self._state.closed() or self._state.why_not(item.pack_id)
        if reason is not None or not item.attribute_ids:
            waits = CellResult("awaiting_llm", reason)
            return Finished(item, dict.fromkeys(item.attribute_ids, waits))
        cells: dict[str, CellResult] = {}
        todo = deque([Question(item, item.keyed)])
        while todo:
            question = todo.popleft()
            todo.extend(_judge(question, await self._sender.ask(question), cells))
        return Finished(item, {name: cells[name] for name in item.attribute_ids})

    @staticmethod
    async def _finish(
        workers: list[asyncio.Task[None]], finished: asyncio.Queue[Finished | None]
    ) -> None:
        while left := [worker for worker in workers if not worker.done()]:
            await asyncio.wait(left)
        await finished.put(None)
        for worker in workers:
            if not worker.cancelled() and (error := worker.exception()):
                raise error

    async def _watch(self) -> None:
        now = asyncio.get_running_loop().time
        quiet_until = now()
        while not self._state.stop.is_set():
            await asyncio.sleep(_STOP_CHECK_SECONDS)
            seconds, why = self._limiter.held_up()
            if seconds > _LONG_WAIT_SECONDS and now() >= quiet_until:
                self._state.say(f"LLM: nothing is sent for {seconds:,.0f} s: {why}")
                quiet_until = now() + _SAY_AGAIN_SECONDS
        self._state.close(INTERRUPTED)
        self._state.interrupt(_GRACE_SECONDS)


def _judge(
    question: Question, asked: Asked | Failed | Unasked, cells: dict[str, CellResult]
) -> list[Question]:
    """Note what became of a question's cells, as `follow_up` has it; return what is asked next."""
    if isinstance(asked, Unasked):
        for name in question.attribute_ids:
            # What an earlier reply said of the cell tells more than why it is not repeated.
            cells.setdefault(name, CellResult("awaiting_llm", asked.reason))
        return []
    attempt = asked.attempt
    again: list[Again] = []
    if isinstance(asked, Failed):
        outcome, again = after_live(
            asked.error, question.attribute_ids, may_repeat=question.may_repeat
        )
        if outcome is not None:
            result = CellResult(outcome, asked.reason, attempt=attempt)
            for name in question.attribute_ids:
                if outcome != "awaiting_llm" or name not in cells:
                    cells[name] = result
    else:
        bad = []
        for name in question.attribute_ids:
            cell = attempt.cells[name]
            if isinstance(cell, BadCell):
                cells[name] = CellResult("failed", cell.reason, attempt=attempt)
                bad.append(name)
            else:
                cells[name] = CellResult("answered", answer=cell, attempt=attempt)
        again = after_cells(
            tuple(bad), is_fruitless=attempt.is_fruitless, may_repeat=question.may_repeat
        )
    return [question.part(one.attribute_ids, one.purpose, one.may_repeat) for one in again]
