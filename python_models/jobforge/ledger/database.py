"""Transactions on the ledger's database, whichever it is.

A writing transaction is tried again where that may help (a deadlock, a connection that broke), so
whatever writes must mean the same when it is done twice. A driver's error leaves here as one of
the ledger's own.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from jobforge.ledger.dialects import WRITES, Dialect, Postgres, Sqlite
from jobforge.ledger.errors import LedgerError
from jobforge.ledger.location import Location, passwords

__all__ = ["Database"]

T = TypeVar("T")

_TRIES = 5


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
        self._engine = self.dialect.engine()
        self._writing = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection whose statements see one state of the ledger."""
        with self._explained(), self._engine.connect() as connection:
            if self.dialect.snapshot:
                connection = connection.execution_options(**self.dialect.snapshot)
            with connection.begin():
                yield connection

    def write(self, work: Callable[[Connection], T]) -> T:
        """Do the work in one transaction and return when it is durable."""
        if self.read_only:
            raise LedgerError(f"the ledger {self.shown} was opened for reading only")
        with self._writing, self._explained():
            for done in range(1, _TRIES + 1):
                try:
                    return self._once(work)
                except DBAPIError as error:
                    if done == _TRIES or not self.dialect.is_passing(error.orig or error):
                        raise
                    time.sleep(0.05 * 2**done)
        raise AssertionError("unreachable")

    def _once(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            connection = connection.execution_options(**{WRITES: True})
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
