"""Asks through the provider's Batch API: half the price, and an answer within a day.

A run collects what has ended, puts what is still missing into batches, and ends; the next run
collects those.

What came back broken is asked for in smaller requests: halves of what was truncated or could not be
read, single cells where only they did not hold.
"""

from __future__ import annotations

import pickle
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain, islice
from typing import IO

from jobforge.answers.known import Settled
from jobforge.answers.outcomes import CellOutcome
from jobforge.answers.run import BUSY, Run, fail_at_last
from jobforge.batch.collector import BatchCollector
from jobforge.batch.sender import BatchSender
from jobforge.batch.state import BatchRun
from jobforge.money.budget import Reservations
from jobforge.provider.batch_api import BatchApi
from jobforge.reasons import INTERRUPTED, Reason
from jobforge.requests.forms import Form
from jobforge.requests.inputs import Pack
from jobforge.requests.keys import KeyedRequest

__all__ = ["BatchAsker"]

_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 30.0
_SAY_EVERY_SECONDS = 30.0
_SETTLED_AT_ONCE = 128


class _Spool:
    """Requests put aside in a file, for there may be very many; a context manager."""

    def __init__(self) -> None:
        self.count = 0
        self._packs: dict[str, Pack] = {}
        self._file = _temporary()

    def __enter__(self) -> _Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def put(self, keyed: KeyedRequest) -> None:
        """Put a request aside."""
        self._packs[keyed.pack.pack_id] = keyed.pack
        pickle.dump((keyed.request, keyed.job_digest, dict(keyed.cells)), self._file)
        self.count += 1

    def take(self) -> Iterator[KeyedRequest]:
        """Yield what was put aside, and put aside anew meanwhile."""
        file, count = self._file, self.count
        self._file, self.count = _temporary(), 0
        with file:
            file.seek(0)
            for _ in range(count):
                request, job_digest, cells = pickle.load(file)
                yield KeyedRequest(request, self._packs[request.pack_id], job_digest, cells)


class BatchAsker:
    """Puts open cells into batches; one of these for a run.

    awaited: the batches in which cells of this run wait, as `known.KeptAnswers` found them.
    """

    def __init__(self, run: Run, awaited: set[str]) -> None:
        self._run = run
        self._state = state = BatchRun(say=run.log, awaited=awaited)
        # What is sent and what is collected share the budget's consents and how the run stands.
        reservations = Reservations(run.budget)
        api = BatchApi(run.connection, run.settings)
        self._sender = BatchSender(run, api=api, state=state, reservations=reservations)
        self._collector = BatchCollector(run, api=api, state=state, reservations=reservations)

    def collect(self) -> None:
        """Collect what has ended, and say what has not."""
        self._collector.collect()
        self._collector.say_what_waits()

    def ask(self, chunks: Iterable[list[Settled]]) -> Generator[Settled]:
        """Yield every request of the chunks with the outcomes of all of its cells, in parts.

        Raises FatalRunError at the end where no batch made sense.
        """
        waits = self._run.settings.batch_wait_seconds > 0
        with closing(self._sender), _Spool() as spool:
            for settled in self._send(chunks):
                yield from self._put_aside(settled, spool) if waits else (settled,)
            yield from self._wait(spool)
        fail_at_last(self._state.fatal)

    def _send(self, chunks: Iterable[list[Settled]]) -> Iterator[Settled]:
        """Claim what is open and put it into batches."""
        for chunk in chunks:
            made = [part for one in chunk for part in self._run.drafts.make(one)]
            for one in self._claim(self._run.failures.check(made)):
                yield Settled(one.keyed, one.outcomes, ())
                for keyed, form in self._part(one):
                    yield from self._sender.put(keyed, form)
        yield from self._sender.flush()

    def _claim(self, chunk: list[Settled]) -> Iterator[Settled]:
        """Yield each request; open are those of its cells that are this run's own to ask."""
        asked = [self._without_given_up(one) for one in chunk]
        reason = self._ended or self._state.closed
        ours: set[str] = set() if reason else self._run.claims.take(asked)
        for one in asked:
            yield one.split(ours, CellOutcome("awaiting_llm", reason or BUSY))

    def _without_given_up(self, one: Settled) -> Settled:
        given_up = self._state.given_up
        keys = {name: one.keyed.cells[name].cell_key for name in one.open_ids}
        known = {name: given_up[key] for name, key in keys.items() if key in given_up}
        if not known:
            return one
        left = tuple(name for name in one.open_ids if name not in known)
        return Settled(one.keyed, one.outcomes | known, left)

    def _part(self, one: Settled) -> Iterator[tuple[KeyedRequest, Form]]:
        """Yield the open cells in requests as large as may be."""
        fewer = self._state.fewer
        groups: dict[int, list[str]] = {}
        for name in one.open_ids:
            groups.setdefault(fewer.get(one.keyed.cells[name].cell_key, 0), []).append(name)
        for most, names in groups.items():
            left = iter(names)
            while part := tuple(islice(left, most or len(names))):
                keyed = one.keyed.only(part)
                whole = one.form if part == one.open_ids else None
                yield keyed, whole or self._run.forms.of(keyed.pack).form(keyed.request)

    @property
    def _ended(self) -> Reason | None:
        """Why there is nothing to wait for any more."""
        return INTERRUPTED if self._run.stop.is_set() else self._state.fatal

    def _put_aside(self, settled: Settled, spool: _Spool) -> Iterator[Settled]:
        """Yield what will not change; the rest is looked at again when a batch has ended."""
        aside = [
            name for name, outcome in settled.outcomes.items() if outcome.outcome == "awaiting_llm"
        ]
        if not aside or self._ended:
            yield settled
            return
        spool.put(settled.keyed.only(aside))
        rest = {name: one for name, one in settled.outcomes.items() if name not in aside}
        yield Settled(settled.keyed, rest, ())

    def _wait(self, spool: _Spool) -> Iterator[Settled]:
        """Wait for batches, collect them, and send what is missing then, until all is there."""
        now = time.monotonic()
        until, said = now + self._run.settings.batch_wait_seconds, now
        pause = _FIRST_WAIT_SECONDS
        while spool.count and now < until and not self._ended:
            self._run.stop.wait(min(pause, until - now))
            now = time.monotonic()
            if self._collector.collect():
                pause = _FIRST_WAIT_SECONDS
                for settled in self._send(self._find(spool.take())):
                    yield from self._put_aside(settled, spool)
            elif not self._state.is_awaited():
                break
            else:
                pause = min(pause * 1.5, _LONGEST_WAIT_SECONDS)
            if now - said >= _SAY_EVERY_SECONDS:
                said = now
                self._collector.say_what_waits()
        why = self._ended or self._state.closed or self._state.held_back or BUSY
        reason = CellOutcome("awaiting_llm", why)
        given_up = self._state.given_up
        for one in chain.from_iterable(self._find(spool.take())):
            keys = one.keyed.cells
            rest = {name: given_up.get(keys[name].cell_key, reason) for name in one.open_ids}
            yield Settled(one.keyed, one.outcomes | rest, ())

    def _find(self, requests: Iterable[KeyedRequest]) -> Iterator[list[Settled]]:
        left = iter(requests)
        while some := list(islice(left, _SETTLED_AT_ONCE)):
            yield self._run.kept.find(some)


def _temporary() -> IO[bytes]:
    return tempfile.TemporaryFile()
