"""Asks through the provider's Batch API: half the price, and an answer within a day.

A run collects what has ended, puts what is still missing into batches, and ends; the next run
collects those.

What came back broken is asked for in smaller requests: halves of what was truncated or could not be
read, single cells where only they did not hold.
"""

from __future__ import annotations

import pickle
import tempfile
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain, islice
from typing import IO

from jobforge.asking import BUSY, fail_at_last
from jobforge.claiming import Claims
from jobforge.collecting import BatchCollector
from jobforge.executor import INTERRUPTED
from jobforge.inputs import Pack
from jobforge.outcomes import CellOutcome
from jobforge.questions import KeyedRequest
from jobforge.secrecy import PromptSecrets
from jobforge.settings import Settings
from jobforge.settling import KeptAnswers, Settled
from jobforge.submitting import BatchSender

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

    def taken(self) -> Iterator[KeyedRequest]:
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

    secrets: what no prompt may show. stop: once it is set nothing is sent.
    """

    def __init__(
        self,
        settings: Settings,
        claims: Claims,
        kept: KeptAnswers,
        sender: BatchSender,
        collector: BatchCollector,
        secrets: PromptSecrets,
        stop: threading.Event,
    ) -> None:
        self._settings = settings
        self._claims = claims
        self._kept = kept
        self._sender = sender
        self._collector = collector
        self._secrets = secrets
        self._stop = stop

    def ask(self, chunks: Iterable[list[Settled]]) -> Generator[Settled]:
        """Yield every request of the chunks with the outcomes of all of its cells, in parts.

        Raises FatalRunError at the end where no batch made sense.
        """
        waits = self._settings.batch_wait_seconds > 0
        with closing(self._sender), _Spool() as spool:
            for settled in self._sent(chunks):
                yield from self._put_aside(settled, spool) if waits else (settled,)
            yield from self._waited(spool)
        fail_at_last(self._fatal)

    def _sent(self, chunks: Iterable[list[Settled]]) -> Iterator[Settled]:
        """Claim what is open and put it into batches."""
        for chunk in chunks:
            for one in self._claimed([self._secrets.settle(one) for one in chunk]):
                yield Settled(one.keyed, one.outcomes, ())
                for keyed in self._parted(one):
                    yield from self._sender.put(keyed)
        yield from self._sender.flush()

    def _claimed(self, chunk: list[Settled]) -> Iterator[Settled]:
        """Yield each request; open are those of its cells that are this run's own to ask."""
        given_up = self._collector.found.given_up
        asked = []
        for one in chunk:
            known = {
                name: given_up[one.keyed.cells[name].cell_key]
                for name in one.open_ids
                if one.keyed.cells[name].cell_key in given_up
            }
            left = tuple(name for name in one.open_ids if name not in known)
            asked.append(Settled(one.keyed, one.outcomes | known, left))
        reason = self._ended or self._sender.closed
        ours = set() if reason else self._claims.take(asked)
        for one in asked:
            keys = one.keyed.cells
            mine = tuple(name for name in one.open_ids if keys[name].cell_key in ours)
            others = CellOutcome("awaiting_llm", reason or BUSY)
            rest = {name: others for name in one.open_ids if name not in mine}
            yield Settled(one.keyed, one.outcomes | rest, mine)

    def _parted(self, one: Settled) -> Iterator[KeyedRequest]:
        """Yield the open cells in requests as large as may be."""
        fewer = self._collector.found.fewer
        groups: dict[int, list[str]] = {}
        for name in one.open_ids:
            groups.setdefault(fewer.get(one.keyed.cells[name].cell_key, 0), []).append(name)
        for most, names in groups.items():
            left = iter(names)
            while part := tuple(islice(left, most or len(names))):
                yield one.keyed.only(part)

    @property
    def _fatal(self) -> str | None:
        return self._sender.fatal or self._collector.found.fatal

    @property
    def _ended(self) -> str | None:
        """Why there is nothing to wait for any more."""
        return INTERRUPTED if self._stop.is_set() else self._fatal

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

    def _waited(self, spool: _Spool) -> Iterator[Settled]:
        """Wait for batches, collect them, and send what is missing then, until all is there."""
        now = time.monotonic()
        until, said = now + self._settings.batch_wait_seconds, now
        pause = _FIRST_WAIT_SECONDS
        while spool.count and now < until and not self._ended:
            self._stop.wait(min(pause, until - now))
            now = time.monotonic()
            if self._collector.collect():
                pause = _FIRST_WAIT_SECONDS
                for settled in self._sent(self._settled(spool.taken())):
                    yield from self._put_aside(settled, spool)
            elif not self._awaited():
                break
            else:
                pause = min(pause * 1.5, _LONGEST_WAIT_SECONDS)
            if now - said >= _SAY_EVERY_SECONDS:
                said = now
                self._collector.say_what_waits()
        why = self._ended or self._sender.closed or self._sender.held_back or BUSY
        reason = CellOutcome("awaiting_llm", why)
        given_up = self._collector.found.given_up
        for one in chain.from_iterable(self._settled(spool.taken())):
            keys = one.keyed.cells
            rest = {name: given_up.get(keys[name].cell_key, reason) for name in one.open_ids}
            yield Settled(one.keyed, one.outcomes | rest, ())

    def _awaited(self) -> bool:
        """Say whether a batch has not ended in which cells of this run wait."""
        ours = self._sender.begun | self._kept.batches
        return not ours.isdisjoint(self._collector.found.waiting)

    def _settled(self, requests: Iterable[KeyedRequest]) -> Iterator[list[Settled]]:
        left = iter(requests)
        while some := list(islice(left, _SETTLED_AT_ONCE)):
            yield self._kept.settle(some)


def _temporary() -> IO[bytes]:
    return tempfile.TemporaryFile()
