"""Batches that have ended: their results go into the ledger, whoever began them.

Collecting twice changes nothing, since a result's id is made of its batch's and its request's. A
batch is one run's business at a time: whoever has claimed its key. So a batch that was noted, whose
key is free and whose id at the provider is not known belongs to a run that died: it is looked for
among the provider's batches, and only where it is not there, but its file is, are its cells free to
be asked again.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jobforge import errors
from jobforge.batch_api import BatchApi, RemoteBatch
from jobforge.batch_files import BatchResult, BatchResults
from jobforge.bookkeeping import Bookkeeper
from jobforge.claiming import Claims
from jobforge.interrupting import Interrupted, interruptible
from jobforge.ledger import AttemptRecord, Batch, BatchItem, BatchState, Ledger
from jobforge.ledger.hashing import digest
from jobforge.outcomes import CellOutcome
from jobforge.prices import ModelPrice, Usage
from jobforge.replies import BadCell

__all__ = ["BatchCollector", "batch_key"]

_STATES: dict[str, BatchState] = {
    "completed": "collected",
    "expired": "expired",
    "cancelled": "cancelled",
    "failed": "failed",
}
_RESULTS_AT_ONCE = 256
# The provider's clock is not this machine's, and its list may be a moment old.
_CLOCKS_DIFFER = timedelta(hours=1)
_LISTED_WITHIN = timedelta(minutes=2)


def batch_key(local_id: str) -> str:
    """Return what a run claims while it deals with a batch."""
    return digest("batch", local_id)


@dataclass(slots=True)
class _Tally:
    """What one batch came to."""

    answered: int = 0
    sent: int = 0
    rejected: str | None = None
    rejections: int = 0


@dataclass(slots=True)
class Collected:
    """What collecting means for the run that goes on.

    fewer: of a cell that came to nothing, with how many it may be asked together now.
    given_up: cells that this run does not ask again, and why.
    fatal: why no further batch makes sense.
    waiting: batches that have not ended: requests done, and in all, as far as that is known.
    """

    fewer: dict[str, int] = field(default_factory=dict)
    given_up: dict[str, CellOutcome] = field(default_factory=dict)
    fatal: str | None = None
    waiting: dict[str, tuple[int, int]] = field(default_factory=dict)


class BatchCollector:
    """Collects; one of these for a run.

    price_of: the price of a model, None where it is not known.
    settle: gets each result's attempt id with its usage.
    """

    def __init__(
        self,
        api: BatchApi,
        ledger: Ledger,
        claims: Claims,
        bookkeeper: Bookkeeper,
        price_of: Callable[[str], ModelPrice | None],
        run_id: str,
        secrets: tuple[str, ...],
        log: Callable[[str], None],
        stop: threading.Event,
        settle: Callable[[str, Usage | None], None] = lambda attempt_id, usage: None,
    ) -> None:
        self._api = api
        self._ledger = ledger
        self._claims = claims
        self._bookkeeper = bookkeeper
        self._price_of = price_of
        self._run_id = run_id
        self._secrets = secrets
        self._log = log
        self._stop = stop
        self.settle = settle
        self.found = Collected()
        self._sent_again: set[str] = set()

    def collect(self) -> int:
        """Collect every batch that has ended, and return how many did."""
        ended = 0
        batches = self._ledger.open_batches()
        self.found.waiting = {batch.local_id: (0, 0) for batch in batches}
        for batch in batches:
            if self._stop.is_set():
                break
            key = batch_key(batch.local_id)
            if not self._claims.take_key(key):
                # Another run deals with it.
                continue
            try:
                if self._look_at(batch.local_id):
                    self.found.waiting.pop(batch.local_id)
                    ended += 1
            except Interrupted:
                break
            except (errors.ApiError, errors.ReplyError) as error:
                if error.status == 401:
                    self.found.fatal = str(error)
                    break
                words = f"LLM: batch {batch.local_id} could not be looked at: {error}"
                if isinstance(error, errors.FatalApiError):
                    self.found.waiting.pop(batch.local_id)
                    words += f"; if that stays so, {_advice(batch.local_id)}"
                self._log(words)
            finally:
                self._claims.give_up([key])
        return ended

    def say_what_waits(self) -> None:
        """Log how far the batches are that have not ended."""
        if self.found.waiting:
            done, total = (sum(counts) for counts in zip(*self.found.waiting.values(), strict=True))
            several = len(self.found.waiting)
            self._log(
                f"LLM: {several:,} {'batch has' if several == 1 else 'batches have'} not ended:"
                f" {done:,} of {total:,} requests done"
            )

    def _look_at(self, local_id: str) -> bool:
        """Collect a batch where it has ended; return whether its cells are free."""
        batch = next((one for one in self._ledger.open_batches() if one.local_id == local_id), None)
        if batch is None:
            # Another run has collected it meanwhile.
            return True
        if batch.api_batch_id is not None:
            remote = interruptible(self._stop, self._api.get, batch.api_batch_id)
            if remote is None:
                self._say_unknown(batch.local_id, batch.api_batch_id)
        elif batch.input_file_id is not None:
            remote = self._found_again(batch)
            if remote is None and self._never_began(batch, batch.input_file_id):
                return self._abandon(local_id)
        else:
            # A batch is begun only after its file's id was noted.
            return self._abandon(local_id)
        if remote is None:
            return False
        if remote.has_ended:
            self._end(batch, remote)
            return True
        self.found.waiting[batch.local_id] = (remote.done, remote.total)
        return False

    def _found_again(self, batch: Batch) -> RemoteBatch | None:
        """Return the batch whose id at the provider was never noted, if it began at all."""
        since = batch.created_at - _CLOCKS_DIFFER
        remote = interruptible(self._stop, self._api.find, batch.local_id, since)
        if remote is not None:
            self._ledger.set_batch(batch.local_id, state="submitted", api_batch_id=remote.batch_id)
        return remote

    def _never_began(self, batch: Batch, file_id: str) -> bool:
        """Say whether a batch that is not among the provider's is in none of its accounts."""
        if not interruptible(self._stop, self._api.has_file, file_id):
            self._say_unknown(batch.local_id, file_id)
            return False
        return datetime.now(UTC) - batch.updated_at > _LISTED_WITHIN

    def _abandon(self, local_id: str) -> bool:
        """Give up a batch that never began: its cells are free."""
        self._ledger.finish_batch(local_id, "abandoned")
        self._log(f"LLM: batch {local_id} never began: its cells are free again")
        return True

    def _say_unknown(self, local_id: str, remote_id: str) -> None:
        self.found.waiting.pop(local_id)
        self._log(
            f"LLM: the server does not know batch {local_id} ({remote_id}): ask with the key and"
            f" the address that sent it, or {_advice(local_id)}"
        )

    def _end(self, batch: Batch, remote: RemoteBatch) -> None:
        files = [name for name in (remote.output_file_id, remote.error_file_id) if name]
        tally = _Tally()
        with tempfile.TemporaryDirectory(prefix="jobforge-") as folder:
            paths = [Path(folder) / str(number) for number in range(len(files))]
            for name, path in zip(files, paths, strict=True):
                interruptible(self._stop, self._api.download, name, path)
            results = BatchResults(paths, self._secrets)
            ended_at = remote.ended_at or datetime.now(UTC)
            records: list[AttemptRecord] = []
            for item in self._ledger.batch_items(batch.local_id):
                result = results.of(item)
                self._judge(batch, item, result, tally)
                attempt_id = f"{batch.local_id}:{item.custom_id}"
                self.settle(attempt_id, result.usage if result.was_sent else Usage())
                if not result.was_sent:
                    continue
                records.append(
                    self._bookkeeper.batched(
                        result,
                        item.request,
                        self._price_of(item.request.model),
                        attempt_id=attempt_id,
                        sent_at=batch.created_at,
                        received_at=max(ended_at, batch.created_at),
                    )
                )
                if len(records) >= _RESULTS_AT_ONCE:
                    self._keep(records)
            self._keep(records)
        self._ledger.finish_batch(batch.local_id, _STATES[remote.status])
        self._tell(batch, remote, results, tally)

    def _keep(self, records: list[AttemptRecord]) -> None:
        self._bookkeeper.keep(records)
        records.clear()
        if self._stop.is_set():
            raise Interrupted

    def _judge(self, batch: Batch, item: BatchItem, result: BatchResult, tally: _Tally) -> None:
        """Say what becomes of the cells that got no answer."""
        tally.sent += result.was_sent
        keys = {cell.attribute_id: cell.cell_key for cell in item.request.cells}
        error = result.error
        if error is None:
            tally.answered += 1
            for name, cell in result.cells.items():
                if isinstance(cell, BadCell):
                    self._again(item, result, [keys[name]], 1, cell.reason)
        elif isinstance(
            error, errors.TruncatedError | errors.EmptyReplyError | errors.UnreadableReplyError
        ):
            self._again(item, result, list(keys.values()), (len(keys) + 1) // 2, str(error))
        elif isinstance(error, errors.RefusedError):
            tally.answered += 1
        elif isinstance(error, errors.TransientApiError):
            # What an earlier run sent is sent again; what this one sent is the next one's, unless
            # the model was never asked: that is sent again once.
            ours = batch.run_id == self._run_id
            if ours and (result.was_sent or not self._sent_again.isdisjoint(keys.values())):
                self._give_up(item, result, list(keys.values()), str(error))
            elif ours:
                self._sent_again.update(keys.values())
        else:
            # What another model was asked says nothing of this run's.
            if item.request.model != self._api.model:
                return
            if isinstance(error, errors.RequestRejectedError):
                tally.rejections += 1
                tally.rejected = str(error)
            elif isinstance(error, errors.FatalApiError):
                self.found.fatal = str(error)
            self._give_up(item, result, list(keys.values()), str(error))

    def _again(
        self, item: BatchItem, result: BatchResult, keys: list[str], together: int, reason: str
    ) -> None:
        if len(item.request.cells) == 1:
            self._give_up(item, result, keys, reason)
        else:
            self.found.fewer.update(dict.fromkeys(keys, together))

    def _give_up(self, item: BatchItem, result: BatchResult, keys: list[str], reason: str) -> None:
        outcome = CellOutcome("awaiting_llm", f"{reason.rstrip('.')}; the next run sends it")
        if result.was_sent:
            outcome = CellOutcome(
                "failed", reason, model_requested=item.request.model, request_id=result.request_id
            )
        self.found.given_up.update(dict.fromkeys(keys, outcome))

    def _tell(
        self, batch: Batch, remote: RemoteBatch, results: BatchResults, tally: _Tally
    ) -> None:
        if remote.status == "failed":
            faults = "; ".join(remote.faults[:3]) or "no reason given"
            refused = f"the provider refused batch {batch.local_id}: {faults}"
            self.found.fatal = self.found.fatal or refused
            self._log(f"LLM: {refused}; its cells are free again")
            return
        if tally.rejected and tally.rejections == tally.sent:
            self.found.fatal = tally.rejected
        garbled = f", {results.unreadable} lines unreadable" if results.unreadable else ""
        self._log(
            f"LLM: batch {batch.local_id} {remote.status}: {tally.answered:,} of"
            f" {remote.total or tally.sent:,} requests answered{garbled}"
        )


def _advice(local_id: str) -> str:
    return f"give it up with `jobforge ledger give-up {local_id}`"
