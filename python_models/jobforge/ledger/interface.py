"""The one interface through which the ledger is reached.

What holds for every ledger:

- A method that writes returns when its whole transaction is on the disk, and not before; after a
  crash at any moment the ledger holds every transaction that returned, and no part of another.
- Attempts and answers are only ever added. Adding one again changes nothing.
- Every method may be called from any thread. Writes of one ledger object follow each other; reads
  go on meanwhile, from other threads and other processes, and see whole transactions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from jobforge.ledger.records import (
    Answer,
    AttemptRecord,
    Batch,
    BatchItem,
    BatchState,
    Fault,
    ImportReport,
    LedgerStats,
    Why,
)

__all__ = ["Ledger"]


class Ledger(Protocol):
    """Every attempt that was made and every answer that was paid for."""

    def lookup(
        self, cell_keys: Iterable[str], evidence: Mapping[str, str] | None = None
    ) -> dict[str, Answer]:
        """Return the answer of each cell that has one, by cell key.

        A cell may have several: an answer goes before a refusal, then one that was given with the
        `evidence` (a hash by cell key) before others, then the latest. An answer is marked stale
        where it was given on other evidence, with the time of a refusal on that evidence.
        """

    def lookup_questions(self, question_keys: Iterable[str]) -> dict[str, Answer]:
        """Return the answer of each question that has one, of whichever model, by question key."""

    def claim(
        self,
        cell_keys: Iterable[str],
        run_id: str,
        ttl: timedelta,
        *,
        evidence: Mapping[str, str] | None = None,
        refused_before: datetime | None = None,
    ) -> set[str]:
        """Claim cells for a run before they are asked, and return those that are now its own.

        Left out are cells that another run holds, that wait in a batch, or that are settled: they
        have an answer or a refusal. With `evidence` (a hash by cell key) only those with that very
        evidence settle a cell; a refusal from before `refused_before` does not. A claim that was
        not renewed in time is anyone's.
        """

    def renew(self, run_id: str, ttl: timedelta) -> int:
        """Put off the end of all of a run's claims, and return how many it still has."""

    def release(self, run_id: str, cell_keys: Iterable[str] | None = None) -> None:
        """Give up a run's claims on these cells, or all that it has."""

    def record(self, attempts: Sequence[AttemptRecord]) -> None:
        """Add attempts with their answers in one durable transaction.

        The run's claims on the cells that are answered or refused end in the same transaction.
        What looks like a key in a reply is replaced by `[redacted]`. Raises SecretFoundError,
        before anything is written, where a prompt holds one, and ValueError where a cell's key is
        not the one that its request gives.
        """

    def attempts(self, run_id: str | None = None) -> pa.RecordBatchReader:
        """Stream the attempts, or one run's, with the columns of ATTEMPT_SCHEMA."""

    def answers(self) -> pa.RecordBatchReader:
        """Stream every answer and refusal, oldest first, with the columns of ANSWER_SCHEMA."""

    def why(self, job_id: str, attribute_id: str) -> list[Why]:
        """Return what is known of a cell's answers, the latest first."""

    def stats(self) -> LedgerStats:
        """Return the ledger in figures."""

    def verify(self) -> Iterator[Fault]:
        """Derive every hash anew and yield whatever does not hold."""

    def export(self, path: str | Path) -> int:
        """Write every attempt with its answers and texts to a Parquet file; return the attempts."""

    def import_(self, path: str | Path) -> ImportReport:
        """Add the attempts of an exported file that are not here yet; nothing is overwritten."""

    def begin_batch(self, local_id: str, run_id: str, items: Sequence[BatchItem]) -> None:
        """Note a batch before it is uploaded.

        Its cells, each of which the run must have claimed, wait in it until `finish_batch`, and
        nobody can claim them meanwhile. Raises LedgerError where the run does not hold a cell.
        """

    def set_batch(
        self,
        local_id: str,
        *,
        state: BatchState | None = None,
        input_file_id: str | None = None,
        api_batch_id: str | None = None,
    ) -> None:
        """Note what became known of a batch; what is None stays."""

    def open_batches(self) -> list[Batch]:
        """Return the batches that are not finished, the oldest first, whoever began them."""

    def batch_items(self, local_id: str) -> Iterator[BatchItem]:
        """Yield the requests of an unfinished batch."""

    def finish_batch(self, local_id: str, state: BatchState) -> None:
        """End a batch after its answers were recorded; what is still missing may be asked again."""

    def pending_cells(self, cell_keys: Iterable[str]) -> dict[str, str]:
        """Return the local id of the batch in which each of the cells waits that does."""

    def close(self) -> None:
        """Give the ledger back; it cannot be used any more."""

    def __enter__(self) -> Ledger: ...

    def __exit__(self, *_: object) -> None: ...
