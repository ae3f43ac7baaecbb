"""Asks through the provider's Batch API: half the price, and an answer within a day.

A run collects what has ended, puts what is still missing into batches, and ends; the next run
collects those. A batch is in the ledger before it is uploaded, and its cells are nobody else's from
then on: a run that dies at any moment can neither lose it nor let it be sent twice.

What came back broken is asked for in smaller requests: halves of what was truncated or could not be
read, single cells where only they did not hold.
"""

from __future__ import annotations

import pickle
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import IO

from jobforge import errors
from jobforge.asking import BUSY, fail_if_told
from jobforge.batch_api import BatchApi
from jobforge.batch_files import BatchDraft, definitions
from jobforge.bookkeeping import Bookkeeper
from jobforge.budget import Budget, Denied, Reservation
from jobforge.claiming import Claims
from jobforge.client import Connection
from jobforge.collecting import BatchCollector, batch_key
from jobforge.executor import INTERRUPTED
from jobforge.forms import RequestForms
from jobforge.inputs import Pack
from jobforge.interrupting import Interrupted, interruptible
from jobforge.ledger import BatchItem, Ledger
from jobforge.outcomes import CellOutcome
from jobforge.prices import Usage
from jobforge.questions import KeyedRequest
from jobforge.secrecy import PromptSecrets
from jobforge.settings import Settings
from jobforge.settling import KeptAnswers, Settled

__all__ = ["BatchAsker"]

_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 30.0
_SAY_EVERY_SECONDS = 30.0
_SETTLED_AT_ONCE = 128
# The server may have begun the batch, or not.
_UNCERTAIN = (
    errors.ConnectionFailedError,
    errors.TimedOutError,
    errors.ServerFaultError,
    errors.UnreadableReplyError,
)


@dataclass(frozen=True, slots=True)
class _Part:
    """Some cells of a request that are asked for together."""

    keyed: KeyedRequest
    reservation: Reservation


class _NotBegun(Exception):
    """The provider has not begun a batch, and why."""


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

    budget: what may be spent, at the price of batches. stop: once it is set nothing is sent.
    """

    def __init__(
        self,
        settings: Settings,
        connection: Connection,
        ledger: Ledger,
        claims: Claims,
        kept: KeptAnswers,
        bookkeeper: Bookkeeper,
        budget: Budget,
        api: BatchApi,
        collector: BatchCollector,
        run_id: str,
        log: Callable[[str], None],
        stop: threading.Event,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._claims = claims
        self._kept = kept
        self._bookkeeper = bookkeeper
        self._budget = budget
        self._api = api
        self._collector = collector
        self._run_id = run_id
        self._log = log
        self._stop = stop
        self._forms = RequestForms(settings, connection)
        self._secrets = PromptSecrets(connection.api_key)
        self._closed: str | None = None
        self._fatal: str | None = None
        self._held_back: str | None = None
        self._reserved: dict[str, Reservation] = {}
        collector.settle = self._settle

    def ask(self, chunks: Iterable[list[Settled]]) -> Iterator[Settled]:
        """Yield every request of the chunks with the outcomes of all of its cells, in parts.

        Raises FatalRunError at the end where no batch made sense, if the settings say so.
        """
        waits = self._settings.batch_wait_seconds > 0
        with _Spool() as spool:
            for settled in self._sent(chunks):
                yield from self._put_aside(settled, spool) if waits else (settled,)
            yield from self._waited(spool)
        fail_if_told(self._settings, self._fatal or self._collector.found.fatal)

    def _sent(self, chunks: Iterable[list[Settled]]) -> Iterator[Settled]:
        """Claim what is open, put it into batches, and send each that is full, and the last."""
        draft, parts = BatchDraft(), list[_Part]()
        try:
            for chunk in chunks:
                for one in self._claimed([self._secrets.settle(one) for one in chunk]):
                    yield Settled(one.keyed, one.outcomes, ())
                    for keyed in self._parted(one):
                        form = self._forms.of(keyed.pack).form(keyed.request)
                        if not draft.has_room(form.body) and parts:
                            yield from self._submitted(draft, parts)
                            draft, parts = BatchDraft(), []
                        reason = self._why_not()
                        reservation = None if reason else self._budget.reserve(form.estimate)
                        if isinstance(reservation, Reservation):
                            item = BatchItem(
                                draft.next_id,
                                self._bookkeeper.asked(keyed, form),
                                definitions(keyed.pack.attribute(name) for name in keyed.cells),
                            )
                            draft.add(item, form.body)
                            parts.append(_Part(keyed, reservation))
                            continue
                        if isinstance(reservation, Denied):
                            reason = reservation.reason
                            # What is in batches may cost less than its worst case.
                            if reservation.passing and self._settings.batch_wait_seconds:
                                self._held_back = reason
                            else:
                                self._close(reason)
                        self._claims.give_up(cell.cell_key for cell in keyed.cells.values())
                        yield _waiting(keyed, reason or INTERRUPTED)
            if parts:
                yield from self._submitted(draft, parts)
        finally:
            draft.close()

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
        reason = self._why_not()
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

    def _submitted(self, draft: BatchDraft, parts: list[_Part]) -> Iterator[Settled]:
        """Send a batch, and yield what is to be said of its cells."""
        local_id = f"jobforge-{uuid.uuid4().hex[:16]}"
        key = batch_key(local_id)
        self._claims.take_key(key)
        try:
            reason = self._submit(draft, local_id)
        except _NotBegun as error:
            self._ledger.finish_batch(local_id, "failed")
            for part in parts:
                self._budget.cancel(part.reservation)
            reason = str(error)
            self._close(reason)
        finally:
            draft.close()
        if reason is None:
            for item, part in zip(draft.items, parts, strict=True):
                self._reserved[f"{local_id}:{item.custom_id}"] = part.reservation
        self._claims.give_up([key])
        for part in parts:
            yield _waiting(part.keyed, reason or f"in batch {local_id}: a later run collects it")

    def _submit(self, draft: BatchDraft, local_id: str) -> str | None:
        """Upload and begin a batch; return why nobody knows whether it has, or raise _NotBegun."""
        self._ledger.begin_batch(local_id, self._run_id, draft.items)
        name = f"{local_id}.jsonl"
        file_id: str | None = None
        try:
            file_id = interruptible(self._stop, self._api.upload, draft.path, name)
            self._ledger.set_batch(local_id, input_file_id=file_id)
            remote = interruptible(self._stop, self._api.create, file_id, local_id)
        except (errors.ApiError, errors.ReplyError) as error:
            if file_id is None or not isinstance(error, _UNCERTAIN):
                self._fatal = str(error)
                raise _NotBegun(str(error)) from None
            self._fatal = f"batch {local_id} has begun or not, a later run finds out: {error}"
            self._close(self._fatal)
            return self._fatal
        except Interrupted:
            if file_id is None:
                raise _NotBegun(INTERRUPTED) from None
            return f"in batch {local_id} or not, a later run finds out: the run was interrupted"
        self._ledger.set_batch(local_id, state="submitted", api_batch_id=remote.batch_id)
        self._log(
            f"LLM: batch {local_id} ({remote.batch_id}) has {len(draft.items):,} requests,"
            f" {draft.bytes / 1e6:,.1f} MB; a later run with llm_mode: batch collects it"
        )
        return None

    def _why_not(self) -> str | None:
        if self._stop.is_set():
            return INTERRUPTED
        return self._closed or self._collector.found.fatal

    def _close(self, reason: str) -> None:
        if self._closed is None:
            self._closed = reason
            self._log(f"LLM: no further batch is sent: {reason}")

    def _settle(self, attempt_id: str, usage: Usage | None) -> None:
        reservation = self._reserved.pop(attempt_id, None)
        if reservation is not None:
            self._budget.settle(reservation, usage)

    def _put_aside(self, settled: Settled, spool: _Spool) -> Iterator[Settled]:
        """Yield what will not change; the rest is looked at again when a batch has ended."""
        aside = [
            name for name, outcome in settled.outcomes.items() if outcome.outcome == "awaiting_llm"
        ]
        if not aside or self._why_not():
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
        while spool.count and now < until and not self._why_not():
            self._stop.wait(min(pause, until - now))
            now = time.monotonic()
            if self._collector.collect():
                pause = _FIRST_WAIT_SECONDS
                for settled in self._sent(self._settled(spool.taken())):
                    yield from self._put_aside(settled, spool)
            elif not self._collector.found.waiting:
                break
            else:
                pause = min(pause * 1.5, _LONGEST_WAIT_SECONDS)
            if now - said >= _SAY_EVERY_SECONDS:
                said = now
                self._collector.say_what_waits()
        reason = CellOutcome("awaiting_llm", self._why_not() or self._held_back or BUSY)
        for one in chain.from_iterable(self._settled(spool.taken())):
            yield Settled(one.keyed, one.outcomes | dict.fromkeys(one.open_ids, reason), ())

    def _settled(self, requests: Iterable[KeyedRequest]) -> Iterator[list[Settled]]:
        left = iter(requests)
        while some := list(islice(left, _SETTLED_AT_ONCE)):
            yield self._kept.settle(some)


def _temporary() -> IO[bytes]:
    return tempfile.TemporaryFile()


def _waiting(keyed: KeyedRequest, reason: str) -> Settled:
    return Settled(keyed, dict.fromkeys(keyed.cells, CellOutcome("awaiting_llm", reason)), ())
