"""Batches that have ended: their results go into the ledger, whoever began them.

Collecting twice changes nothing, since a result's id is made of its batch's and its request's. A
batch is one run's business at a time: whoever has claimed its key. So a batch that was noted, whose
key is free and whose id at the provider is not known belongs to a run that died: it is looked for
among the provider's batches, and only where it is not there, but its file is, are its cells free to
be asked again.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jobforge import errors
from jobforge.answers.attempts import CameBack
from jobforge.answers.follow_up import after_batch
from jobforge.answers.outcomes import CellOutcome
from jobforge.answers.run import Run
from jobforge.batch.files import BatchResults
from jobforge.batch.state import BatchRun, batch_key
from jobforge.ledger import AttemptRecord, Batch, BatchItem, BatchState
from jobforge.money.budget import Reservations
from jobforge.money.prices import Usage
from jobforge.provider.batch_api import BatchApi, RemoteBatch
from jobforge.provider.interruption import Interrupted, interruptible
from jobforge.reasons import Reason, ReasonCode, reason_of
from jobforge.requests.replies import BadCell

__all__ = ["BatchCollector", "collect_earlier"]

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


@dataclass(slots=True)
class _Tally:
    """What one batch came to."""

    answered: int = 0
    sent: int = 0
    rejected: Reason | None = None
    rejections: int = 0


class BatchCollector:
    """Collects; one of these for a run.

    state: is told what collecting means for the run that goes on. reservations: the budget's
    consents to what this run sent.
    """

    def __init__(
        self, run: Run, *, api: BatchApi, state: BatchRun, reservations: Reservations
    ) -> None:
        self._run = run
        self._api = api
        self._state = state
        self._reservations = reservations
        self._sent_again: set[str] = set()

    def collect(self) -> int:
        """Collect every batch that has ended, and return how many did."""
        ended = 0
        batches = self._run.ledger.open_batches()
        self._state.waiting = {batch.local_id: (0, 0) for batch in batches}
        for batch in batches:
            if self._run.stop.is_set():
                break
            key = batch_key(batch.local_id)
            if not self._run.claims.take_key(key):
                # Another run deals with it.
                continue
            try:
                if self._look_at(batch.local_id):
                    self._state.waiting.pop(batch.local_id)
                    ended += 1
            except Interrupted:
                break
            except (errors.ApiError, errors.ReplyError) as error:
                if error.status == 401:
                    self._state.fail(reason_of(error))
                    break
                words = f"LLM: batch {batch.local_id} could not be looked at: {error}"
                if isinstance(error, errors.FatalApiError):
                    self._state.waiting.pop(batch.local_id)
                    words += f"; if that stays so, {_advice(batch.local_id)}"
                self._run.log(words)
            finally:
                self._run.claims.give_up([key])
        return ended

    def say_what_waits(self) -> None:
        """Log how far the batches are that have not ended."""
        if self._state.waiting:
            done, total = (
                sum(counts) for counts in zip(*self._state.waiting.values(), strict=True)
            )
            several = len(self._state.waiting)
            self._run.log(
                f"LLM: {several:,} {'batch has' if several == 1 else 'batches have'} not ended:"
                f" {done:,} of {total:,} requests done"
            )

    def _look_at(self, local_id: str) -> bool:
        """Collect a batch where it has ended; return whether its cells are free."""
        batch = next(
            (one for one in self._run.ledger.open_batches() if one.local_id == local_id), None
        )
        if batch is None:
            # Another run has collected it meanwhile.
            return True
        if batch.api_batch_id is not None:
            remote = interruptible(self._run.stop, self._api.get, batch.api_batch_id)
            if remote is None:
                self._say_unknown(batch.local_id, batch.api_batch_id)
        elif batch.input_file_id is not None:
            remote = self._find_again(batch)
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
        self._state.waiting[batch.local_id] = (remote.done, remote.total)
        return False

    def _find_again(self, batch: Batch) -> RemoteBatch | None:
        """Return the batch whose id at the provider was never noted, if it began at all."""
        since = batch.created_at - _CLOCKS_DIFFER
        remote = interruptible(self._run.stop, self._api.find, batch.local_id, since)
        if remote is not None:
            self._run.ledger.set_batch(
                batch.local_id, state="submitted", api_batch_id=remote.batch_id
            )
        return remote

    def _never_began(self, batch: Batch, file_id: str) -> bool:
        """Say whether a batch that is not among the provider's is in none of its accounts."""
        if not interruptible(self._run.stop, self._api.has_file, file_id):
            self._say_unknown(batch.local_id, file_id)
            return False
        return datetime.now(UTC) - batch.updated_at > _LISTED_WITHIN

    def _abandon(self, local_id: str) -> bool:
        """Give up a batch that never began: its cells are free."""
        self._run.ledger.finish_batch(local_id, "abandoned")
        self._run.log(f"LLM: batch {local_id} never began: its cells are free again")
        return True

    def _say_unknown(self, local_id: str, remote_id: str) -> None:
        self._state.waiting.pop(local_id)
        self._run.log(
            f"LLM: the server does not know batch {local_id} ({remote_id}): ask with the key and"
            f" the address that sent it, or {_advice(local_id)}"
        )

    def _end(self, batch: Batch, remote: RemoteBatch) -> None:
        files = [name for name in (remote.output_file_id, remote.error_file_id) if name]
        tally = _Tally()
        with tempfile.TemporaryDirectory(prefix="jobforge-") as folder:
            paths = [Path(folder) / str(number) for number in range(len(files))]
            for name, path in zip(files, paths, strict=True):
                interruptible(self._run.stop, self._api.download, name, path)
            results = BatchResults(paths, self._run.connection.secrets)
            ended_at = remote.ended_at or datetime.now(UTC)
            records: list[AttemptRecord] = []
            for item in self._run.ledger.batch_items(batch.local_id):
                result = results.of(item)
                self._judge(batch, item, result, tally)
                attempt_id = f"{batch.local_id}:{item.custom_id}"
                self._reservations.charge(attempt_id, result.usage if result.was_sent else Usage())
                if not result.was_sent:
                    continue
                records.append(
                    self._run.books.batched(
                        result,
                        item.request,
                        self._run.price_of(item.request.model),
                        attempt_id=attempt_id,
                        sent_at=batch.created_at,
                        received_at=max(ended_at, batch.created_at),
                    )
                )
                if len(records) >= _RESULTS_AT_ONCE:
                    self._keep(records)
            self._keep(records)
        self._run.ledger.finish_batch(batch.local_id, _STATES[remote.status])
        self._tell(batch, remote, results, tally)

    def _keep(self, records: list[AttemptRecord]) -> None:
        self._run.books.keep(records)
        records.clear()
        if self._run.stop.is_set():
            raise Interrupted

    def _judge(self, batch: Batch, item: BatchItem, result: CameBack, tally: _Tally) -> None:
        """Note what becomes of the cells that got no answer, as `follow_up` has it."""
        tally.sent += result.was_sent
        tally.answered += result.error is None or isinstance(result.error, errors.RefusedError)
        if result.error is not None:
            parts = [([cell.cell_key for cell in item.request.cells], reason_of(result.error))]
        else:
            cells = ((one.cell_key, result.cells[one.attribute_id]) for one in item.request.cells)
            parts = [([key], cell.reason) for key, cell in cells if isinstance(cell, BadCell)]
        for keys, reason in parts:
            verdict = after_batch(
                result.error,
                len(item.request.cells),
                is_ours=batch.run_id == self._run.run_id,
                may_send_again=not result.was_sent and self._sent_again.isdisjoint(keys),
                is_same_model=item.request.model == self._run.settings.model,
            )
            if verdict.together:
                self._state.fewer.update(dict.fromkeys(keys, verdict.together))
            if verdict.once:
                self._sent_again.update(keys)
            if verdict.given_up:
                self._give_up(item, result, keys, reason)
            if verdict.ends == "batch":
                tally.rejections += 1
                tally.rejected = reason
            elif verdict.ends == "run":
                self._state.fail(reason)

    def _give_up(self, item: BatchItem, result: CameBack, keys: list[str], reason: Reason) -> None:
        later = f"{reason.text.rstrip('.')}; the next run sends it"
        outcome = CellOutcome("awaiting_llm", Reason(ReasonCode.NO_RESULT_IN_BATCH, later))
        if result.was_sent:
            outcome = CellOutcome(
                "failed", reason, model_requested=item.request.model, request_id=result.request_id
            )
        self._state.given_up.update(dict.fromkeys(keys, outcome))

    def _tell(
        self, batch: Batch, remote: RemoteBatch, results: BatchResults, tally: _Tally
    ) -> None:
        if remote.status == "failed":
            faults = "; ".join(remote.faults[:3]) or "no reason given"
            refused = f"the provider refused batch {batch.local_id}: {faults}"
            if self._state.fatal is None:
                self._state.fail(Reason(ReasonCode.BATCH_REFUSED, refused))
            self._run.log(f"LLM: {refused}; its cells are free again")
            return
        if tally.rejected and tally.rejections == tally.sent:
            self._state.fail(tally.rejected)
        garbled = f", {results.unreadable} lines unreadable" if results.unreadable else ""
        self._run.log(
            f"LLM: batch {batch.local_id} {remote.status}: {tally.answered:,} of"
            f" {remote.total or tally.sent:,} requests answered{garbled}"
        )


def collect_earlier(run: Run) -> None:
    """Collect what earlier runs sent, for a run that sends no batches itself."""
    if run.ledger.open_batches():
        collector = BatchCollector(
            run,
            api=BatchApi(run.connection, run.settings),
            state=BatchRun(say=run.log),
            reservations=Reservations(run.budget),
        )
        collector.collect()
        collector.say_what_waits()


def _advice(local_id: str) -> str:
    return f"give it up with `jobforge ledger give-up {local_id}`"
