"""The ledger: the one class through which it is reached, on SQLite or PostgreSQL.

What holds:

- A method that writes returns when its whole transaction is on the disk, and not before; after a
  crash at any moment the ledger holds every transaction that returned, and no part of another.
- Attempts and answers are only ever added. Adding one again changes nothing.
- Every method may be called from any thread. Writes of one ledger object follow each other; reads
  go on meanwhile, from other threads and other processes, and see whole transactions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Connection, delete, insert

from jobforge.ledger import (
    archive,
    batches,
    chain,
    claims,
    entries,
    history,
    lookup,
    retention,
    reviews,
    rows,
    streams,
    transfer,
    verification,
)
from jobforge.ledger.database import Database
from jobforge.ledger.errors import (
    LedgerCorruptError,
    LedgerError,
    LedgerOutdatedError,
    NoLedgerError,
)
from jobforge.ledger.location import Location
from jobforge.ledger.migrations import CURRENT_VERSION, migrate, version_of
from jobforge.ledger.records import (
    Answer,
    AnsweredReply,
    AskedRequest,
    AttemptRecord,
    Batch,
    BatchItem,
    BatchState,
    Fault,
    HistoryKind,
    HistoryPart,
    ImportReport,
    LedgerStats,
    Recording,
    Review,
    Why,
)
from jobforge.ledger.secrets import Secrets
from jobforge.ledger.tables import answer, claim

__all__ = ["Ledger"]


class Ledger:
    """Every attempt that was made and every answer that was paid for."""

    def __init__(
        self,
        location: Location,
        *,
        read_only: bool,
        wait_seconds: float,
        patience_seconds: float | None,
    ) -> None:
        self._location = location
        self._database = Database(location, read_only=read_only, wait_seconds=wait_seconds)
        self._watch = claims.Watch()
        self._dialect = self._database.dialect
        self._secrets = Secrets(*self._database.passwords)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise
        self._database.be_patient(patience_seconds)

    def _prepare(self) -> None:
        try:
            if self._database.read_only:
                self._check(self._database.read(self._version))
                return
            found = self._database.read(self._version)
            if found != CURRENT_VERSION:
                self._database.write(lambda connection: migrate(connection, self._dialect))
                self._database.settle()
            self._database.write(self._touch)
            self._check_indexes()
        except LedgerError as error:
            if self._database.shown in str(error):
                raise
            raise type(error)(f"the ledger {self._database.shown}: {error}") from None

    def _version(self, connection: Connection) -> int:
        return version_of(connection, self._dialect)

    def _check(self, found: int) -> None:
        if found == 0:
            raise NoLedgerError("there is no ledger in it yet: a run makes one")
        if found != CURRENT_VERSION:
            kind = LedgerOutdatedError if found < CURRENT_VERSION else LedgerError
            change = "a run brings it on" if found < CURRENT_VERSION else "install a newer jobforge"
            raise kind(f"its schema has version {found}, not {CURRENT_VERSION}: {change}")

    def _check_indexes(self) -> None:
        # An index that lost a row hides an answer, and its cell would be paid for again.
        damaged = self._database.read(partial(self._dialect.damage, table=answer.name))
        if damaged:
            raise LedgerCorruptError(
                f"the ledger {self._database.shown} is damaged: {damaged[0]}. `jobforge ledger"
                " verify` lists what is; where only an index is, `sqlite3 FILE reindex` makes it"
                " anew from its table; otherwise restore the ledger from a backup or an export"
            )

    def _touch(self, connection: Connection) -> None:
        # One row is really written: a ledger that takes nothing says so before any call.
        probe = {"cell_key": "probe", "run_id": "probe", "expires_at": 0}
        chain.hold(connection)
        connection.execute(delete(claim).where(claim.c.cell_key == "probe"))
        connection.execute(insert(claim), probe)
        connection.execute(delete(claim).where(claim.c.cell_key == "probe"))

    def lookup(
        self, cell_keys: Iterable[str], evidence: Mapping[str, str] | None = None
    ) -> dict[str, Answer]:
        """Return the answer of each cell that has one, by cell key.

        A cell may have several: an answer goes before a refusal, then one that was given with the
        `evidence` (a hash by cell key) before others, then the latest. An answer is marked stale
        where it was given on other evidence, with the time of a refusal on that evidence.
        """
        return lookup.find(self._database, "cell_key", cell_keys, evidence or {})

    def lookup_questions(self, question_keys: Iterable[str]) -> dict[str, Answer]:
        """Return the answer of each question that has one, of whichever model, by question key."""
        return lookup.find(self._database, "question_key", question_keys, {})

    def has_schema_version(self, version: str) -> bool:
        """Say whether there may be answers under that version of the schema, or soon will be.

        What waits in a batch was not recorded yet and may be of any version.
        """
        return bool(self.open_batches()) or lookup.has_schema_version(self._database, version)

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
        evidence settle a cell; a refusal from before `refused_before` does not. The claims of a run
        that has not renewed them for `ttl` are anyone's.
        """
        keys = list(cell_keys)

        def work(connection: Connection) -> set[str]:
            return claims.take(
                connection,
                self._dialect,
                self._watch,
                keys,
                run_id=run_id,
                ttl=ttl,
                evidence=evidence,
                refused_before=refused_before,
            )

        return self._database.write(work)

    def renew(self, run_id: str) -> bool:
        """Show that a run lives; return whether its claims are still its own."""
        return self._database.write(
            lambda connection: claims.renew(connection, self._dialect, run_id), patience=0
        )

    def release(self, run_id: str, cell_keys: Iterable[str] | None = None) -> None:
        """Give up a run's claims on these cells, or all that it has."""
        keys = None if cell_keys is None else list(cell_keys)
        self._database.write(lambda connection: claims.release(connection, run_id, keys))

    def record(self, attempts: Sequence[AttemptRecord]) -> None:
        """Add attempts with their answers in one durable transaction.

        The run's claims on the cells that are answered or refused end in the same transaction.
        What looks like a key in a reply is replaced by `[redacted]`. Raises SecretFoundError,
        before anything is written, where a prompt holds one, and ValueError where a cell's key is
        not the one that its request gives.
        """
        prepared = [entries.prepare(one, self._secrets) for one in attempts]
        self._database.write(lambda connection: entries.add(connection, self._dialect, prepared))

    def failed(
        self, requests: Iterable[AskedRequest], runs: int
    ) -> dict[int, tuple[str, int | None]]:
        """Return how requests ended, by their place, that ended so in as many runs at least.

        Beside it the most tokens that such a reply had, None where no server said.

        Only such endings count for which the model worked, with texts and parameters the very
        same: none of the requests' cells may have an answer.
        """
        keys: dict[str, list[int]] = {}
        jobs: dict[str, str] = {}
        for place, request in enumerate(requests):
            key = rows.key_of(request, rows.hashes_of(rows.item_texts(request)))
            keys.setdefault(key, []).append(place)
            jobs[key] = rows.storable(request.job_id)
        found = lookup.find_failed(self._database, jobs, runs)
        return {place: ended for key, ended in found.items() for place in keys[key]}

    def attempts(self, run_id: str | None = None) -> pa.RecordBatchReader:
        """Stream the attempts, or one run's, with the columns of ATTEMPT_SCHEMA."""
        return streams.attempts(self._database, run_id)

    def answers(self) -> pa.RecordBatchReader:
        """Stream every answer and refusal, oldest first, with the columns of ANSWER_SCHEMA."""
        return streams.answers(self._database)

    def answered_replies(self, containing: str) -> Iterator[AnsweredReply]:
        """Yield the raw replies with that text in them that hold answers, oldest first."""
        return streams.answered_replies(self._database, containing)

    def why(self, job_id: str, attribute_id: str) -> list[Why]:
        """Return what is known of a cell's answers, the latest first."""
        return lookup.why(self._database, job_id, attribute_id)

    def add_reviews(self, given: Sequence[Review]) -> int:
        """Add what people said of cells in one durable transaction; return how many are new.

        Raises SecretFoundError, before anything is written, where a text holds a key.
        """
        prepared = [reviews.prepare(one, self._secrets) for one in given]
        return self._database.write(
            lambda connection: reviews.add(connection, self._dialect, prepared)
        )

    def reviews(self) -> list[Review]:
        """Return what people said of cells, withdrawals too, the oldest first."""
        return reviews.read(self._database)

    def stats(self) -> LedgerStats:
        """Return the ledger in figures."""
        return lookup.stats(self._database)

    def drop_texts(self, before: datetime) -> int:
        """Drop the messages and replies of attempts that ended before; return how many attempts.

        Their hashes stay, and all that the replies came to: answers, tokens, prices.
        """
        return retention.drop_texts(self._database, rows.to_micros(before))

    def verify(self) -> Iterator[Fault]:
        """Derive every hash anew and yield whatever does not hold."""
        yield from verification.faults(self._database)
        yield from history.faults(self._database)

    def export(self, path: str | Path) -> int:
        """Write every attempt with its answers and texts to a Parquet file; return the attempts."""
        own = self._location.path
        if own is not None and own.resolve() == Path(path).resolve():
            raise LedgerError(f"the export would take the ledger's own place: {path}")
        return transfer.export(self._database, Path(path))

    def import_(self, path: str | Path) -> ImportReport:
        """Add the attempts of an exported file that are not here yet; nothing is overwritten."""
        return transfer.import_(self._database, Path(path), self._secrets)

    def record_history(
        self,
        name: str,
        kind: HistoryKind,
        run_id: str,
        rows: pa.RecordBatchReader,
        *,
        after: int,
    ) -> Recording:
        """Add a recording to a history, after the one with which its rows were compared.

        after: that recording's number, 0 where the history begins. Raises SecretFoundError for a
        text that looks like a key, and LedgerError where another run has recorded since then.
        """
        contents = history.encoded(rows, rows.schema, self._secrets)
        return self._database.write(
            lambda connection: history.add(
                connection, self._dialect, name, kind, run_id, contents=contents, after=after
            )
        )

    def recordings(self, name: str | None = None) -> list[Recording]:
        """Return the recordings of a history, or of all histories, the oldest first."""
        return history.recordings(self._database, name)

    def history(self, name: str, *, after: int = 0) -> Iterator[tuple[HistoryPart, pa.Table]]:
        """Yield the parts of a history after that recording with their rows, the oldest first.

        Raises LedgerCorruptError at the first part that is not what it was.
        """
        return history.read(self._database, name, after)

    def export_histories(self, path: str | Path) -> int:
        """Write all histories to a Parquet file, none where there are none; return recordings."""
        return archive.export(self._database, Path(path))

    def import_histories(self, path: str | Path) -> tuple[int, list[Fault]]:
        """Add the recordings of an exported file that go on from those here; return how many."""
        return archive.import_(self._database, Path(path), self._secrets)

    def begin_batch(self, local_id: str, run_id: str, items: Sequence[BatchItem]) -> None:
        """Note a batch before it is uploaded.

        Its cells, each of which the run must have claimed, wait in it until `finish_batch`, and
        nobody can claim them meanwhile. Raises LedgerError where the run does not hold a cell.
        """
        self._database.write(
            lambda connection: batches.begin(
                connection, self._dialect, self._secrets, local_id, run_id=run_id, given=items
            )
        )

    def set_batch(
        self,
        local_id: str,
        *,
        state: BatchState | None = None,
        input_file_id: str | None = None,
        api_batch_id: str | None = None,
    ) -> None:
        """Note what became known of a batch; what is None stays."""
        self._database.write(
            lambda connection: batches.change(
                connection,
                self._dialect,
                local_id,
                state=state,
                input_file_id=input_file_id,
                api_batch_id=api_batch_id,
            )
        )

    def open_batches(self) -> list[Batch]:
        """Return the batches that are not finished, the oldest first, whoever began them."""
        return self._database.read(batches.open_batches)

    def batches_of(self, run_id: str) -> set[str]:
        """Return the local ids of the batches that a run has noted, finished ones too."""
        return self._database.read(lambda connection: batches.begun_by(connection, run_id))

    def batch_items(self, local_id: str) -> Iterator[BatchItem]:
        """Yield the requests of an unfinished batch."""
        return batches.items(self._database, local_id)

    def finish_batch(self, local_id: str, state: BatchState) -> None:
        """End a batch after its answers were recorded; what is still missing may be asked again."""
        self._database.write(
            lambda connection: batches.finish(connection, self._dialect, local_id, state)
        )

    def pending_cells(self, cell_keys: Iterable[str]) -> dict[str, str]:
        """Return the local id of the batch in which each of the cells waits that does."""
        keys = list(cell_keys)
        return self._database.read(lambda connection: claims.find_pending(connection, keys))

    def close(self) -> None:
        """Give the ledger back; it cannot be used any more."""
        self._database.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
