"""All that differs between SQLite and PostgreSQL.

SQLite is opened so that a commit is on the disk when it returns (WAL, synchronous FULL) and a
writer takes its lock before it reads. PostgreSQL keeps the ledger in a schema of its own and tells
the time for all machines.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import quote

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.pool import QueuePool

from jobforge.ledger.clock import steady_seconds
from jobforge.ledger.errors import (
    LedgerBusyError,
    LedgerCorruptError,
    LedgerError,
    LedgerFullError,
    NoLedgerError,
)
from jobforge.ledger.location import passwords
from jobforge.redaction import redact

__all__ = ["POSTGRES_SCHEMA", "Dialect", "Insert", "Postgres", "Sqlite"]

POSTGRES_SCHEMA = "jobforge_ledger"
WRITES = "jobforge_writes"

Insert = sqlite.Insert | postgresql.Insert

_OLDEST_SQLITE = (3, 24, 0)
_ROOM_NEEDED = 16 * 2**20
_PROBE = 2**20
_MAKING_SECONDS = 1.0
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_POSTGRES_LOCK = 0x6A6F62666F726765  # "jobforge"
# A deadlock, a lock that was not given, a session that was ended, a server that stops or starts.
_PASSING = ("40P01", "40001", "55P03", "25P03", "57P01", "57P02", "57P03", "57P05")
# This role's sessions that wait for their program amid a transaction on the ledger's tables.
_END_SLEEPERS = f"""
    select pg_terminate_backend(pid) from pg_stat_activity
    where usename = current_user and datname = current_database() and pid <> pg_backend_pid()
        and wait_event = 'ClientRead'
        and xact_start < clock_timestamp() - make_interval(secs => {{seconds}})
        and pid in (
            select l.pid from pg_locks l
            join pg_class c on c.oid = l.relation
            join pg_namespace n on n.oid = c.relnamespace and n.nspname = '{POSTGRES_SCHEMA}'
        )
"""
# A server or a network that says nothing for about half a minute is gone.
_KEEPALIVE = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}


class Dialect(Protocol):
    """What a database does in its own way."""

    @property
    def numbered(self) -> str:
        """The type of a column that numbers rows by itself."""

    @property
    def binary(self) -> str:
        """The type of a column that holds bytes."""

    @property
    def schema(self) -> str | None:
        """The schema that holds the tables, where the database has schemas."""

    @property
    def snapshot(self) -> Mapping[str, Any]:
        """The options by which all statements of a transaction see one state."""

    def engine(self) -> Engine:
        """Return an engine whose transactions are durable."""

    def probe(self) -> None:
        """Raise LedgerError where it is plain that nothing can be written."""

    def lock_schema(self, connection: Connection) -> None:
        """Let no other process change the schema until the transaction ends."""

    def lock_claims(self, connection: Connection) -> None:
        """Let no other process take claims until the transaction ends."""

    def insert(self, table: Table) -> Insert:
        """Return an insert that has `on_conflict_do_nothing` and `on_conflict_do_update`."""

    def now(self, connection: Connection) -> int:
        """Return the time of day, in microseconds."""

    def steady(self, connection: Connection) -> int:
        """Return the time by which runs show that they live, in microseconds."""

    @property
    def restarts(self) -> bool:
        """Say whether the steady clock begins anew with the machine, which ends all runs."""

    def forget_for_good(self, connection: Connection) -> None:
        """Let what is written over in this transaction not stay behind in the file."""

    def size(self, connection: Connection) -> int:
        """Return the bytes that the ledger takes."""

    def damage(self, connection: Connection, table: str | None = None) -> list[str]:
        """Return what the database itself finds damaged, of one table and its indexes or of all."""

    def settle(self, connection: Connection) -> None:
        """Bring what was written to where a copy of the ledger's file has it."""

    def explain(self, error: BaseException, shown: str) -> LedgerError:
        """Return the error that says what to do about a driver's error."""

    def is_passing(self, error: BaseException) -> bool:
        """Say whether the same transaction may succeed when it is tried again."""

    def end_sleepers(self, connection: Connection) -> None:
        """End the transactions of programs that were stopped amid them, where that can be seen."""


class Sqlite:
    """One file; writers queue for its lock."""

    numbered = "integer primary key"
    binary = "blob"
    schema = None
    restarts = True
    snapshot: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, path: Path, *, read_only: bool, wait_seconds: float) -> None:
        self._path = path
        self._read_only = read_only
        self._wait_seconds = wait_seconds

    def engine(self) -> Engine:
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            raise LedgerError(
                f"this Python's SQLite is {sqlite3.sqlite_version}: the ledger needs 3.24 or newer"
            )
        if self._read_only and not self._path.exists():
            raise NoLedgerError(f"there is no ledger at {self._path} yet: a run makes one")
        self._check_log()
        engine = create_engine("sqlite://", creator=self._connect, poolclass=QueuePool)
        event.listen(engine, "begin", _begin)
        return engine

    def _check_log(self) -> None:
        # A new ledger's file gets its tables from the log beside it, or had them from the start:
        # without both, what there was is gone. Whoever makes one just now is waited for.
        until = time.monotonic() + min(self._wait_seconds, _MAKING_SECONDS)
        while self._has_lost_its_log():
            if time.monotonic() >= until:
                raise LedgerCorruptError(
                    f"the ledger {self._path} has no tables: what was written to it is in"
                    f" {self._wal.name}, which is not beside it. Put that file back, restore the"
                    " ledger from a backup or an export, or delete it to begin a new one"
                )
            time.sleep(0.05)

    def _has_lost_its_log(self) -> bool:
        if self._wal.exists() or not self._path.exists() or self._path.stat().st_size == 0:
            return False
        with closing(sqlite3.connect(_uri(self._path, "immutable=1"), uri=True)) as connection:
            tables = connection.execute("select count(*) from sqlite_master").fetchone()[0]
        return not tables and not self._wal.exists()

    @property
    def _wal(self) -> Path:
        return self._path.with_name(f"{self._path.name}-wal")

    def _connect(self) -> sqlite3.Connection:
        if self._read_only:
            try:
                return self._open(_uri(self._path, "mode=ro"))
            except sqlite3.OperationalError:
                # A folder that cannot be written has no room for the reader's index of the WAL.
                # Without a WAL there is no writer, and the file is all there is.
                if os.access(self._path.parent, os.W_OK) or self._wal.exists():
                    raise
                return self._open(_uri(self._path, "immutable=1"))
        return self._open(_uri(self._path, "mode=rwc"))

    def _open(self, uri: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri,
            uri=True,
            timeout=self._wait_seconds,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            if not self._read_only:
                mode = self._set_wal(connection)
                if mode != "wal":
                    raise LedgerError(
                        f"the ledger {self._path} is on a file system without shared memory: put"
                        " it on a local disk"
                    )
            connection.execute("pragma synchronous = full")
            connection.execute("pragma foreign_keys = on")
            connection.execute("pragma cache_size = -65536")
            connection.execute("select count(*) from sqlite_master").fetchone()
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_wal(self, connection: sqlite3.Connection) -> str:
        # The change to WAL does not wait for a lock by itself.
        until = time.monotonic() + self._wait_seconds
        while True:
            try:
                return str(connection.execute("pragma journal_mode = wal").fetchone()[0])
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() >= until:
                    raise
            time.sleep(0.02)

    def probe(self) -> None:
        folder = self._path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self._path.exists() and not os.access(self._path, os.W_OK):
                raise PermissionError(0, "Permission denied")
            probe = folder / f".{self._path.name}.{os.getpid()}.probe"
            try:
                with probe.open("wb") as file:
                    file.write(bytes(_PROBE))
                    file.flush()
                    os.fsync(file.fileno())
            finally:
                probe.unlink(missing_ok=True)
            if shutil.disk_usage(folder).free < _ROOM_NEEDED:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise LedgerError(
                    f"the ledger {self._path} cannot be written: {error.strerror}"
                ) from None
            raise LedgerFullError(
                f"there is no room for the ledger {self._path}: {error.strerror};"
                f" make room for at least {_ROOM_NEEDED // 2**20} MB"
            ) from None

    def lock_schema(self, connection: Connection) -> None:
        """The transaction holds SQLite's only write lock already."""

    def lock_claims(self, connection: Connection) -> None:
        """The transaction holds SQLite's only write lock already."""

    def insert(self, table: Table) -> Insert:
        return sqlite.insert(table)

    def now(self, connection: Connection) -> int:
        return time.time_ns() // 1000

    def steady(self, connection: Connection) -> int:
        # A file with shared memory has one machine.
        return int(steady_seconds() * 1_000_000)

    def forget_for_good(self, connection: Connection) -> None:
        connection.exec_driver_sql("pragma secure_delete = on")

    def size(self, connection: Connection) -> int:
        pages: int = connection.exec_driver_sql("pragma page_count").scalar_one()
        return int(pages * connection.exec_driver_sql("pragma page_size").scalar_one())

    def damage(self, connection: Connection, table: str | None = None) -> list[str]:
        # Beside the pages it compares every index with its table.
        what = "20" if table is None else table
        found: Sequence[Any] = (
            connection.exec_driver_sql(f"pragma integrity_check({what})").scalars().all()
        )
        return [str(line) for line in found if line != "ok"]

    def settle(self, connection: Connection) -> None:
        # A reader that is at work meanwhile leaves it for the next time.
        connection.exec_driver_sql("pragma wal_checkpoint(passive)")

    def explain(self, error: BaseException, shown: str) -> LedgerError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return LedgerBusyError(
                f"another program kept the ledger {shown} locked for {self._wait_seconds:g} s:"
                " wait for it, or end it"
            )
        if code == sqlite3.SQLITE_FULL:
            return LedgerFullError(f"no room is left for the ledger {shown}: make room")
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return LedgerCorruptError(
                f"the ledger {shown} is damaged: restore it from a backup or an export"
            )
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            return LedgerError(f"the ledger {shown} cannot be written or opened: {error}")
        return LedgerError(f"the ledger {shown} failed: {redact(str(error))}")

    def is_passing(self, error: BaseException) -> bool:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

    def end_sleepers(self, connection: Connection) -> None:
        """A file's lock has no owner that another process could see."""


def _uri(path: Path, how: str) -> str:
    return f"file:{quote(str(path))}?{how}"


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("begin immediate" if writes else "begin")


class Postgres:
    """A database that several machines share."""

    numbered = "bigint generated by default as identity primary key"
    binary = "bytea"
    schema = POSTGRES_SCHEMA
    restarts = False
    snapshot: Mapping[str, Any] = MappingProxyType({"isolation_level": "REPEATABLE READ"})

    def __init__(self, url: URL, *, read_only: bool, wait_seconds: float) -> None:
        self._url = url
        self._read_only = read_only
        self._wait_seconds = wait_seconds

    def engine(self) -> Engine:
        try:
            engine = create_engine(
                self._url,
                isolation_level="READ COMMITTED",
                pool_pre_ping=True,
                connect_args={
                    "connect_timeout": max(2, round(self._wait_seconds)),
                    "client_encoding": "utf8",
                    **{name: n for name, n in _KEEPALIVE.items() if name not in self._url.query},
                },
            )
        except ImportError:
            raise LedgerError(
                "a ledger on PostgreSQL needs its driver: pip install 'jobforge[postgres]'"
            ) from None
        event.listen(engine, "connect", self._prepare)
        return engine

    def _prepare(self, connection: Any, _record: object) -> None:
        settings = {
            "search_path": POSTGRES_SCHEMA,
            "synchronous_commit": "on",
            "lock_timeout": f"{round(self._wait_seconds * 1000)}ms",
            # No transaction waits for anything but the database: one that does belongs to a
            # program that was stopped, and gives its locks up before others give up on them.
            "idle_in_transaction_session_timeout": f"{round(self._wait_seconds * 500)}ms",
            # Whatever a run asks goes by a key. Before a new table's first statistics PostgreSQL
            # would rather read all of it for each some hundred keys.
            "enable_seqscan": "off",
            "default_transaction_read_only": "on" if self._read_only else "off",
        }
        with connection.cursor() as cursor:
            encoding = cursor.execute("show server_encoding").fetchone()[0]
            if encoding != "UTF8":
                raise LedgerError(
                    f"the ledger's database is encoded in {encoding}, which has no place for every"
                    " letter of an answer: make one with encoding UTF8"
                )
            for name, value in settings.items():
                cursor.execute("select set_config(%s, %s, false)", (name, value))
        connection.commit()

    def probe(self) -> None:
        """The first transaction tells."""

    def lock_schema(self, connection: Connection) -> None:
        connection.exec_driver_sql(f"select pg_advisory_xact_lock({_POSTGRES_LOCK})")
        found = connection.exec_driver_sql(
            f"select 1 from pg_namespace where nspname = '{POSTGRES_SCHEMA}'"
        )
        if found.first() is None:
            connection.exec_driver_sql(f"create schema {POSTGRES_SCHEMA}")

    def lock_claims(self, connection: Connection) -> None:
        connection.exec_driver_sql(f"select pg_advisory_xact_lock({_POSTGRES_LOCK + 1})")

    def insert(self, table: Table) -> Insert:
        return postgresql.insert(table)

    def now(self, connection: Connection) -> int:
        seconds = "extract(epoch from clock_timestamp())"
        return int(connection.exec_driver_sql(f"select ({seconds} * 1000000)::bigint").scalar_one())

    def steady(self, connection: Connection) -> int:
        # The server's: the one clock that all machines share.
        return self.now(connection)

    def forget_for_good(self, connection: Connection) -> None:
        """The server's own vacuum does so after the transaction."""

    def size(self, connection: Connection) -> int:
        relations = (
            "select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint from pg_class c"
            f" join pg_namespace n on n.oid = c.relnamespace and n.nspname = '{POSTGRES_SCHEMA}'"
            " where c.relkind = 'r'"
        )
        return int(connection.exec_driver_sql(relations).scalar_one())

    def damage(self, connection: Connection, table: str | None = None) -> list[str]:
        return []

    def settle(self, connection: Connection) -> None:
        """A server keeps its own files."""

    def explain(self, error: BaseException, shown: str) -> LedgerError:
        state = getattr(error, "sqlstate", None) or ""
        said = redact(str(error), passwords(self._url))
        if state in ("55P03", "57014", "40P01", "40001"):
            return LedgerBusyError(
                f"another program kept the ledger {shown} locked for too long: {said}"
            )
        if state == "53100":
            return LedgerFullError(f"no room is left for the ledger {shown}: {said}")
        if state.startswith("XX"):
            return LedgerCorruptError(f"the ledger {shown} is damaged: {said}")
        if state in ("42501", "25006"):
            return LedgerError(f"the ledger {shown} cannot be written: {said}")
        return LedgerError(f"the ledger {shown} cannot be used: {said}")

    def is_passing(self, error: BaseException) -> bool:
        # None: there is no connection any more, or none was made.
        return getattr(error, "sqlstate", None) in (*_PASSING, None)

    def end_sleepers(self, connection: Connection) -> None:
        # The server ends a session that is idle in a transaction by itself, but not one that was
        # stopped while it sent several statements at once: that one counts as active.
        connection.exec_driver_sql(_END_SLEEPERS.format(seconds=self._wait_seconds / 2))
