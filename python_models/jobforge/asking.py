"""Asks a live model for what nobody has answered, through the executor and into the ledger.

A cell is claimed in the ledger before it is asked, so that no other run pays for it too; what
another run is asking is waited for at the end. Every reply is in the ledger before its cells are
given out.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC
from itertools import chain

from jobforge.bookkeeping import Bookkeeper
from jobforge.budget import Budget
from jobforge.claiming import Claims
from jobforge.client import Connection
from jobforge.errors import FatalRunError
from jobforge.executor import (
    CellResult,
    Executor,
    Finished,
    GroupRecorder,
    PackRequest,
    WorkItem,
)
from jobforge.executor.blocking import run_blocking
from jobforge.forms import RequestForms
from jobforge.limiter import RateLimiter
from jobforge.outcomes import CellOutcome
from jobforge.prompts import PROMPT_VERSION
from jobforge.questions import KeyedRequest
from jobforge.secrecy import PromptSecrets
from jobforge.settings import Settings
from jobforge.settling import KeptAnswers, Settled
from jobforge.transport import OpenAITransport

__all__ = ["BUSY", "LiveAsker", "fail_at_last"]

_LOOK_AGAIN_SECONDS = 0.5
BUSY = "another run is asking for it: run again when that one has ended"


@dataclass(frozen=True, slots=True)
class _Item(PackRequest):
    """A request in the executor, and what is settled of the requests before it.

    lapses: how often claims had lapsed when its cells were claimed.
    """

    keyed: KeyedRequest = field(kw_only=True)
    lapses: int = field(kw_only=True)
    settled: tuple[Settled, ...] = field(default=(), kw_only=True)


class LiveAsker:
    """Asks for open cells; one of these for a run.

    connection: where to send. budget: what may be spent. stop: once it is set nothing is sent.
    """

    def __init__(
        self,
        settings: Settings,
        connection: Connection,
        forms: RequestForms,
        secrets: PromptSecrets,
        claims: Claims,
        kept: KeptAnswers,
        bookkeeper: Bookkeeper,
        budget: Budget,
        run_id: str,
        log: Callable[[str], None],
        stop: threading.Event,
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._claims = claims
        self._kept = kept
        self._bookkeeper = bookkeeper
        self._budget = budget
        self._run_id = run_id
        self._log = log
        self._stop = stop
        self._forms = forms
        self._secrets = secrets
        self._elsewhere: list[KeyedRequest] = []
        self._executor: Executor | None = None
        self._fatal: str | None = None

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
        with GroupRecorder(self._bookkeeper.write) as recorder:
            yield from self._sent(chunks, recorder)
            yield from self._from_elsewhere(recorder)
        fail_at_last(self._fatal)

    def _sent(self, chunks: Iterable[list[Settled]], recorder: GroupRecorder) -> Iterator[Settled]:
        """Claim and ask what is open in the chunks; what others hold is put aside."""
        for finished in run_blocking(
            lambda: self._opened(recorder), self._items(chunks), self._stop
        ):
            yield from self._given(finished)
        if self._executor is not None:
            self._fatal = self._fatal or self._executor.fatal_reason

    def _items(self, chunks: Iterable[list[Settled]]) -> Iterator[_Item]:
        """Yield what is to be asked, claimed; settled requests ride along."""
        for chunk in chunks:
            chunk = [self._secrets.settle(one) for one in chunk]
            asked = [one for one in chunk if one.open_ids]
            settled = [one for one in chunk if not one.open_ids]
            lapses = self._claims.lapses()
            for one in self._claimed(asked) if asked else ():
                yield self._item(one, settled, lapses)
                settled = []
            if settled:
                yield self._item(settled.pop(), settled, lapses)

    def _claimed(self, asked: list[Settled]) -> Iterator[Settled]:
        if self._executor is not None and self._executor.closed_reason:
            yield from asked
            return
        ours = self._claims.take(asked)
        for one in asked:
            keys = one.keyed.cells
            mine = tuple(name for name in one.open_ids if keys[name].cell_key in ours)
            others = tuple(name for name in one.open_ids if keys[name].cell_key not in ours)
            if others:
                self._elsewhere.append(one.keyed.only(others))
            yield Settled(one.keyed, one.outcomes, mine)

    def _item(self, one: Settled, settled: list[Settled], lapses: int) -> _Item:
        keyed = one.keyed.only(one.open_ids)
        return _Item(
            keyed.request,
            self._forms.of(keyed.pack),
            keyed=keyed,
            lapses=lapses,
            settled=(*settled, Settled(one.keyed, one.outcomes, ())),
        )

    def _barred(self, item: WorkItem, names: tuple[str, ...]) -> str | None:
        """Say whether the cells became another run's while claims were not renewed."""
        assert isinstance(item, _Item)
        if item.lapses == self._claims.lapses():
            return None
        ours = self._claims.take([Settled(item.keyed, {}, names)])
        return None if len(ours) == len(names) else BUSY

    @asynccontextmanager
    async def _opened(self, recorder: GroupRecorder) -> AsyncIterator[Executor]:
        settings = self._settings
        transport = OpenAITransport(
            self._connection,
            timeout_seconds=settings.timeout_seconds,
            max_connections=settings.max_in_flight,
        )
        limiter = RateLimiter(
            requests_per_minute=settings.requests_per_minute,
            tokens_per_minute=settings.tokens_per_minute,
            max_in_flight=settings.max_in_flight,
        )
        try:
            self._executor = Executor(
                transport,
                limiter,
                model=settings.model,
                recorder=recorder,
                budget=self._budget,
                secrets=[self._connection.api_key],
                barred=self._barred,
                stop=self._stop,
                in_work=settings.max_in_flight,
                log=self._log,
            )
            yield self._executor
        finally:
            await transport.aclose()

    def _given(self, finished: Finished) -> Iterator[Settled]:
        item = finished.item
        assert isinstance(item, _Item)
        *before, own = item.settled
        yield from before
        outcomes = dict(own.outcomes)
        lost = [name for name, result in finished.cells.items() if result.reason == BUSY]
        if lost:
            self._elsewhere.append(own.keyed.only(lost))
        for name, result in finished.cells.items():
            if name not in lost:
                outcomes[name] = self._outcome(result)
        yield Settled(own.keyed, outcomes, ())

    def _outcome(self, result: CellResult) -> CellOutcome:
        attempt = result.attempt
        asked = attempt is not None and result.outcome != "awaiting_llm"
        model = self._settings.model if asked else None
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
            value=self._secrets.without(result.answer.value),
            confidence=result.answer.confidence,
            rationale=self._secrets.without(result.answer.rationale),
            model_requested=model,
            model_used=attempt.model,
            prompt_version=PROMPT_VERSION,
            request_id=request_id,
            imputed_at=attempt.received_at.astimezone(UTC),
            run_id=self._run_id,
            is_new=True,
        )

    def _from_elsewhere(self, recorder: GroupRecorder) -> Iterator[Settled]:
        """Give out what other runs are asking once it is answered, or ask it once it is free."""
        until = time.monotonic() + self._settings.wait_for_others_seconds
        told = False
        while self._elsewhere:
            waiting, self._elsewhere = self._elsewhere, []
            open_cells: list[Settled] = []
            for one in self._kept.settle(waiting):
                if one.outcomes:
                    yield Settled(one.keyed.only(one.outcomes), one.outcomes, ())
                if one.open_ids:
                    open_cells.append(Settled(one.keyed.only(one.open_ids), {}, one.open_ids))
            if open_cells and not self._stop.is_set() and self._claims.take(open_cells):
                yield from self._sent([open_cells], recorder)
            elif self._stop.is_set() or time.monotonic() >= until:
                for one in open_cells:
                    rest = dict.fromkeys(one.open_ids, CellOutcome("awaiting_llm", BUSY))
                    yield Settled(one.keyed, rest, ())
            else:
                self._elsewhere = [one.keyed for one in open_cells]
                if open_cells and not told:
                    cells = sum(len(one.open_ids) for one in open_cells)
                    self._log(f"LLM: {cells} cells are being asked by another run: waiting for it")
                    told = True
                self._stop.wait(_LOOK_AGAIN_SECONDS)


def fail_at_last(fault: str | None) -> None:
    """Raise FatalRunError for a fault that every call would meet, where there was one."""
    if fault:
        raise FatalRunError(
            f"the model could not be asked: {fault}. What was answered before is kept"
        )
