"""The ledger on a database: each method of the interface, by the module that does it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Connection, delete, insert

from jobforge.ledger import batches, checking, claims, lookup, moving, streams, writing
from jobforge.ledger.database import Database
from jobforge.ledger.errors import (
    LedgerBusyError,
    LedgerError,
    LedgerOutdatedError,
    NoLedgerError,
)
from jobforge.ledger.location import Location
from jobforge.ledger.migrations import CURRENT_VERSION, migrate, version_of
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
from jobforge.ledger.secrets import Secrets
from jobforge.ledger.stats import stats
from jobforge.ledger.tables import claim

__all__ = ["SqlLedger"]


# Recording waits so many times as long for another program's lock as opening does.
_PATIENCE = 6


class SqlLedger:
    """A ledger on SQLite or PostgreSQL; see `interface.Ledger` for what its methods promise."""

    def __init__(self, location: Location, *, read_only: bool, wait_seconds: float) -> None:
        self._location = location
        self._patience = _PATIENCE * wait_seconds
        self._database = Database(location, read_only=read_only, wait_seconds=wait_seconds)
        self._dialect = self._database.dialect
        self._secrets = Secrets(*self._database.passwords)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        try:
            if self._database.read_only:
                with self._database.reading() as connection:
                    self._check(version_of(connection, self._dialect))
                return
            with self._database.reading() as connection:
                found = version_of(connection, self._dialect)
            if found != CURRENT_VERSION:
                self._database.write(lambda connection: migrate(connection, self._dialect))
            self._database.write(self._touch)
        except LedgerError as error:
            if self._database.shown in str(error):
                raise
            raise type(error)(f"the ledger {self._database.shown}: {error}") from None

    def _check(self, found: int) -> None:
        if found == 0:
            raise NoLedgerError("there is no ledger in it yet: a run makes one")
        if found != CURRENT_VERSION:
            kind = LedgerOutdatedError if found < CURRENT_VERSION else LedgerError
            change = "a run brings it on" if found < CURRENT_VERSION else "install a newer jobforge"
            raise kind(f"its schema has version {found}, not {CURRENT_VERSION}: {change}")

    def _touch(self, connection: Connection) -> None:
        # One row is really written: a ledger that takes nothing says so before any call.
        probe = {"cell_key": "probe", "run_id": "probe", "expires_at": 0}
        connection.execute(delete(claim).where(claim.c.cell_key == "probe"))
        connection.execute(insert(claim), probe)
        connection.execute(delete(claim).where(claim.c.cell_key == "probe"))

    def lookup(
        self, cell_keys: Iterable[str], evidence: Mapping[str, str] | None = None
    ) -> dict[str, Answer]:
        return lookup.find(self._database, "cell_key", cell_keys, evidence or {})

    def lookup_questions(self, question_keys: Iterable[str]) -> dict[str, Answer]:
        return lookup.find(self._database, "question_key", question_keys, {})

    def claim(
        self,
        cell_keys: Iterable[str],
        run_id: str,
        ttl: timedelta,
        *,
        evidence: Mapping[str, str] | None = None,
        refused_before: datetime | None = None,
    ) -> set[str]:
        keys = list(cell_keys)

        def work(connection: Connection) -> set[str]:
            return claims.take(
                connection, self._dialect, keys, run_id, ttl, evidence, refused_before
            )

        return self._database.write(work)

    def renew(self, run_id: str, ttl: timedelta) -> int:
        return self._database.write(
            lambda connection: claims.renew(connection, self._dialect, run_id, ttl)
        )

    def release(self, run_id: str, cell_keys: Iterable[str] | None = None) -> None:
        keys = None if cell_keys is None else list(cell_keys)
        self._database.write(lambda connection: claims.release(connection, run_id, keys))

    def record(self, attempts: Sequence[AttemptRecord]) -> None:
        prepared = [writing.prepare(one, self._secrets) for one in attempts]
        until = time.monotonic() + self._patience
        while True:
            try:
                self._database.write(
                    lambda connection: writing.add(connection, self._dialect, prepared)
                )
                return
            except LedgerBusyError:
                # It was paid for: whoever holds the ledger may still let go.
                if time.monotonic() >= until:
                    raise

    def attempts(self, run_id: str | None = None) -> pa.RecordBatchReader:
        return streams.attempts(self._database, run_id)

    def answers(self) -> pa.RecordBatchReader:
        return streams.answers(self._database)

    def why(self, job_id: str, attribute_id: str) -> list[Why]:
        return lookup.why(self._database, job_id, attribute_id)

    def stats(self) -> LedgerStats:
        return stats(self._database)

    def verify(self) -> Iterator[Fault]:
        return checking.faults(self._database)

    def export(self, path: str | Path) -> int:
        own = self._location.path
        if own is not None and own.resolve() == Path(path).resolve():
            raise LedgerError(f"the export would take the ledger's own place: {path}")
        return moving.export(self._database, Path(path))

    def import_(self, path: str | Path) -> ImportReport:
        return moving.import_(self._database, Path(path), self._secrets)

    def begin_batch(self, local_id: str, run_id: str, items: Sequence[BatchItem]) -> None:
        self._database.write(
            lambda connection: batches.begin(
                connection, self._dialect, self._secrets, local_id, run_id, items
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
        with self._database.reading() as connection:
            return batches.open_batches(connection)

    def batch_items(self, local_id: str) -> Iterator[BatchItem]:
        return batches.items(self._database, local_id)

    def finish_batch(self, local_id: str, state: BatchState) -> None:
        self._database.write(
            lambda connection: batches.finish(connection, self._dialect, local_id, state)
        )

    def pending_cells(self, cell_keys: Iterable[str]) -> dict[str, str]:
        with self._database.reading() as connection:
            return claims.pending(connection, cell_keys)

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> SqlLedger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
