"""Transactions on the ledger's database, whichever it is.

What may pass is waited for: another program's lock, a deadlock, a server that is away. While a
ledger is opened that is a moment; in a run, which holds what was paid for, it is a minute. A
transaction is done again as a whole, so whatever reads or writes must mean the same when it is done
twice. A driver's error leaves here as one of the ledger's own.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from jobforge.ledger.dialects import WRITES, Dialect, Postgres, Sqlite
from jobforge.ledger.errors import LedgerError
from jobforge.ledger.location import Location, passwords

__all__ = ["Database"]

T = TypeVar("T")

# So long a ledger is waited for where it is opened, beyond what one connection waits by itself.
_OPENING_SECONDS = 2.0
# In a run so many times as long as one connection waits for another program's lock.
_PATIENCE = 6
_LONGEST_PAUSE = 1.0


class Database:
    """Gives out connections: many that read, one at a time that writes."""

    def __init__(self, location: Location, *, read_only: bool, wait_seconds: float) -> None:
        self.shown = str(location)
        self.read_only = read_only
        self.passwords = passwords(location.url)
        self.dialect: Dialect
        if location.path is not None:
            self.dialect = Sqlite(location.path, read_only=read_only, wait_seconds=wait_seconds)
        elif location.url is not None:
            self.dialect = Postgres(location.url, read_only=read_only, wait_seconds=wait_seconds)
        if not read_only:
            self.dialect.probe()
        self._wait_seconds = wait_seconds
        self._patience = _OPENING_SECONDS
        with self._explained():
            self._engine = self.dialect.engine()
        self._writing = threading.Lock()

    def be_patient(self, seconds: float | None) -> None:
        """Wait so long for what may pass from now on; without a figure a while."""
        self._patience = _PATIENCE * self._wait_seconds if seconds is None else seconds

    def read(self, work: Callable[[Connection], T]) -> T:
        """Do the work, whose statements see one state of the ledger."""
        with self._explained():
            return self._patiently(lambda: self._once(work, self.dialect.snapshot))

    def write(self, work: Callable[[Connection], T], *, patience: float | None = None) -> T:
        """Do the work in one transaction and return when it is durable.

        patience: seconds to wait for what may pass, where it is not to be as long as usual.
        """
        if self.read_only:
            raise LedgerError(f"the ledger {self.shown} was opened for reading only")
        with self._writing, self._explained():
            return self._patiently(lambda: self._once(work, {WRITES: True}), patience)

    def settle(self) -> None:
        """Bring what was written to where a copy of the ledger's file has it."""
        with self._explained(), self._engine.connect() as connection:
            self.dialect.settle(connection)

    def _patiently(self, act: Callable[[], T], patience: float | None = None) -> T:
        until: float | None = None
        pause = 0.05
        while True:
            try:
                return act()
            except DBAPIError as error:
                # From the first failure: before it this program may have slept.
                now = time.monotonic()
                until = until or now + (self._patience if patience is None else patience)
                if not self.dialect.is_passing(error.orig or error) or now + pause >= until:
                    raise
            time.sleep(pause)
            self._end_sleepers()
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _end_sleepers(self) -> None:
        try:
            with self._engine.connect() as connection, connection.begin():
                self.dialect.end_sleepers(connection)
        except DBAPIError:
            """The ledger is away altogether: it is waited for."""

    def _once(self, work: Callable[[Connection], T], options: Mapping[str, Any]) -> T:
        with self._engine.connect() as connection:
            connection = connection.execution_options(**options)
            with connection.begin():
                return work(connection)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self.dialect.explain(error.orig or error, self.shown) from None
        except sqlite3.Error as error:
            raise self.dialect.explain(error, self.shown) from None
        except SQLAlchemyError as error:
            raise self.dialect.explain(error, self.shown) from None

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._engine.dispose()
