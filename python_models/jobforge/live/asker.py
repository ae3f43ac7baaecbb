"""Asks a live model for what nobody has answered, through the executor and into the ledger.

A cell is claimed in the ledger before it is asked, so that no other run pays for it too; what
another run is asking is waited for at the end. Every reply is in the ledger before its cells are
given out.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Generator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC
from itertools import chain

from jobforge.answers.known import Settled
from jobforge.answers.outcomes import CellOutcome
from jobforge.answers.run import BUSY, Run, fail_at_last
from jobforge.limiter import RateLimiter
from jobforge.live.blocking import run_blocking
from jobforge.live.executor import Executor
from jobforge.live.item import CellResult, Finished, Item, Question
from jobforge.live.recorder import GroupRecorder
from jobforge.live.state import RunState
from jobforge.provider.transport import OpenAITransport
from jobforge.reasons import Reason, ReasonCode
from jobforge.requests.keys import KeyedRequest
from jobforge.requests.prompts import prompt_version

__all__ = ["LiveAsker"]

_LOOK_AGAIN_SECONDS = 0.5


class LiveAsker:
    """Asks for open cells; one of these for a run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._elsewhere: list[KeyedRequest] = []
        self._fatal: Reason | None = None

    def ask(self, chunks: Iterable[list[Settled]]) -> Generator[Settled]:
        """Yield every request of the chunks with the outcomes of all of its cells.

        Raises FatalRunError at the end where no further call made sense.
        """
        chunks = iter(chunks)
        # Nothing is started for what is settled: a run may have nothing to ask.
        for chunk in chunks:
            if any(one.open_ids for one in chunk):
                chunks = chain([chunk], chunks)
                break
            yield from chunk
        else:
            return
        with GroupRecorder(self._run.books.write) as recorder:
            yield from self._send(chunks, recorder)
            yield from self._wait_for_others(recorder)
        fail_at_last(self._fatal)

    def _send(self, chunks: Iterable[list[Settled]], recorder: GroupRecorder) -> Iterator[Settled]:
        """Claim and ask what is open in the chunks; what others hold is put aside."""
        settings = self._run.settings
        limiter = RateLimiter(
            requests_per_minute=settings.requests_per_minute,
            tokens_per_minute=settings.tokens_per_minute,
            max_in_flight=settings.max_in_flight,
        )
        state = RunState(on_close=limiter.close, say=self._run.log, stop=self._run.stop)
        for finished in run_blocking(
            lambda: self._open(recorder, limiter, state),
            self._claim_all(chunks, state),
            self._run.stop,
        ):
            yield from self._give(finished)
        self._fatal = self._fatal or state.fatal_reason

    def _claim_all(self, chunks: Iterable[list[Settled]], state: RunState) -> Iterator[Item]:
        """Yield what is to be asked, claimed; settled requests ride along."""
        for chunk in chunks:
            made = [part for one in chunk for part in self._run.drafts.make(one)]
            chunk = self._run.failures.check(made)
            asked = [one for one in chunk if one.open_ids]
            settled = [one for one in chunk if not one.open_ids]
            lapses = self._run.claims.lapses()
            for one in self._claim(asked, state) if asked else ():
                yield self._item(one, settled, lapses)
                settled = []
            if settled:
                yield self._item(settled.pop(), settled, lapses)

    def _claim(self, asked: list[Settled], state: RunState) -> Iterator[Settled]:
        if state.closed():
            yield from asked
            return
        ours = self._run.claims.take(asked)
        for one in asked:
            mine = one.split(ours)
            others = [name for name in one.open_ids if name not in mine.open_ids]
            if others:
                self._elsewhere.append(one.keyed.only(others))
            yield mine

    def _item(self, one: Settled, settled: list[Settled], lapses: int) -> Item:
        keyed = one.keyed.only(one.open_ids)
        known = replace(one, open_ids=(), form=None)
        forms = self._run.forms.of(keyed.pack)
        return Item(keyed, forms, one.form, lapses, (*settled, known))

    async def _bar(self, question: Question) -> Reason | None:
        """Say whether the cells became another run's while claims were not renewed."""
        if question.item.lapses == self._run.claims.lapses():
            return None
        # The ledger may have to be waited for: replies come in meanwhile.
        cells = [Settled(question.keyed, {}, question.attribute_ids)]
        ours = await asyncio.to_thread(self._run.claims.take, cells)
        return None if len(ours) == len(question.attribute_ids) else BUSY

    @asynccontextmanager
    async def _open(
        self, recorder: GroupRecorder, limiter: RateLimiter, state: RunState
    ) -> AsyncIterator[Executor]:
        settings, connection = self._run.settings, self._run.connection
        transport = OpenAITransport(
            connection,
            timeout_seconds=settings.timeout_seconds,
            max_connections=settings.max_in_flight,
        )
        # openai was loaded for it: a collector that looks through all of that stops the loop while
        # requests are in flight, and the fewer are sent before a fault is known the better.
        gc.freeze()
        try:
            yield Executor(
                transport=transport,
                limiter=limiter,
                state=state,
                recorder=recorder,
                budget=self._run.budget,
                model=settings.model,
                secrets=connection.secrets,
                barred=self._bar,
                schema_form=settings.schema_form,
                in_work=settings.max_in_flight,
            )
        finally:
            await transport.aclose()

    def _give(self, finished: Finished) -> Iterator[Settled]:
        *before, own = finished.item.settled
        yield from before
        outcomes = dict(own.outcomes)
        lost = [
            name
            for name, result in finished.cells.items()
            if result.reason is not None and result.reason.code is ReasonCode.OTHER_RUN
        ]
        if lost:
            self._elsewhere.append(own.keyed.only(lost))
        for name, result in finished.cells.items():
            if name not in lost:
                outcomes[name] = self._outcome(result)
        yield Settled(own.keyed, outcomes, ())

    def _outcome(self, result: CellResult) -> CellOutcome:
        attempt = result.attempt
        asked = attempt is not None and result.outcome != "awaiting_llm"
        model = self._run.settings.model if asked else None
        request_id = attempt.request_id if asked and attempt is not None else None
        if result.answer is None or attempt is None:
            return CellOutcome(
                result.outcome,
                result.reason,
                model_requested=model,
                request_id=request_id,
                is_new=asked,
            )
        return CellOutcome(
            "answered",
            value=self._run.drafts.without_secrets(result.answer.value),
            confidence=result.answer.confidence,
            rationale=self._run.drafts.without_secrets(result.answer.rationale),
            model_requested=model,
            model_used=attempt.model,
            prompt_version=prompt_version(self._run.settings.rationale),
            request_id=request_id,
            imputed_at=attempt.received_at.astimezone(UTC),
            run_id=self._run.run_id,
            is_new=True,
        )

    def _wait_for_others(self, recorder: GroupRecorder) -> Iterator[Settled]:
        """Give out what other runs are asking once it is answered, or ask it once it is free."""
        stop = self._run.stop
        until = time.monotonic() + self._run.settings.wait_for_others_seconds
        told = False
        while self._elsewhere:
            waiting, self._elsewhere = self._elsewhere, []
            open_cells: list[Settled] = []
            for one in self._run.kept.find(waiting):
                if one.outcomes:
                    yield Settled(one.keyed.only(one.outcomes), one.outcomes, ())
                if one.open_ids:
                    open_cells.append(Settled(one.keyed.only(one.open_ids), {}, one.open_ids))
            if open_cells and not stop.is_set() and self._run.claims.take(open_cells):
                yield from self._send([open_cells], recorder)
            elif stop.is_set() or time.monotonic() >= until:
                for one in open_cells:
                    rest = dict.fromkeys(one.open_ids, CellOutcome("awaiting_llm", BUSY))
                    yield Settled(one.keyed, rest, ())
            else:
                self._elsewhere = [one.keyed for one in open_cells]
                if open_cells and not told:
                    cells = sum(len(one.open_ids) for one in open_cells)
                    self._run.log(
                        f"LLM: {cells} cells are being asked by another run: waiting for it"
                    )
                    told = True
                stop.wait(_LOOK_AGAIN_SECONDS)
