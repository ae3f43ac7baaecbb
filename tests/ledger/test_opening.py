"""A ledger that cannot keep what is paid for is refused before anything is asked."""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from jobforge.errors import JobForgeError
from jobforge.ledger import (
    Ledger,
    LedgerBusyError,
    LedgerCorruptError,
    LedgerError,
    LedgerFullError,
    open_ledger,
)
from jobforge.ledger.database import Database
from jobforge.ledger.location import Location
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from support.postgres import PASSWORD, Server
from support.waiting import HANG_SECONDS, Clock

from ledger.builders import asked, attempt, cell_keys


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a project's folder of its own, with no variable set."""
    for name in ("JOBFORGE_LEDGER", "JOBFORGE_WAREHOUSE", "DBT_TARGET_PATH"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "dbt_project.yml").write_text("name: other\n")
    monkeypatch.chdir(folder)
    return folder


def test_the_default_is_a_file_in_a_folder_of_its_own(project: Path) -> None:
    """Without a setting the ledger is ledger/jobforge.sqlite, and its folder is made."""
    open_ledger().close()
    assert (project / "ledger" / "jobforge.sqlite").is_file()
    assert os.listdir(project / "ledger") == ["jobforge.sqlite"]


def test_the_environment_names_another(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JOBFORGE_LEDGER is used where nothing is given, as a path or as a URL."""
    monkeypatch.setenv("JOBFORGE_LEDGER", "elsewhere/one.sqlite")
    open_ledger().close()
    monkeypatch.setenv("JOBFORGE_LEDGER", f"sqlite:///{project}/else where/two.sqlite")
    open_ledger().close()
    open_ledger("three#?.sqlite").close()
    made = sorted(path.name for path in project.rglob("*.sqlite"))
    assert made == ["one.sqlite", "three#?.sqlite", "two.sqlite"]


def test_every_commit_is_on_the_disk(project: Path) -> None:
    """A ledger is in WAL mode with synchronous FULL, foreign keys and a busy time-out."""
    from jobforge.ledger.dialects import Sqlite

    engine = Sqlite(project / "x.sqlite", read_only=False, wait_seconds=3).engine()
    with engine.connect() as connection:
        found: dict[str, object] = {
            name: connection.exec_driver_sql(f"pragma {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 3000,
    }


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("target/jobforge.sqlite", "a folder that dbt clean deletes"),
        ("logs/jobforge.sqlite", "a folder that dbt clean deletes"),
        ("postgresql:/user:hidden-word@host/database", "begins like an address"),
        ("target/deep/er/jobforge.sqlite", "a folder that dbt clean deletes"),
        ("warehouse/jobforge.duckdb", "the warehouse's file"),
        ("anything.duckdb", "the warehouse's file"),
        ("ledger/", "is not a file|cannot be written"),
        (".", "is not a file"),
        (":memory:", "is not a file"),
        ("sqlite://", "a ledger is a path"),
        ("mysql://user:hidden-word@host/database", "a ledger is a path"),
        ("postgresql://user@127.0.0.1:port/ledger", "is not a URL"),
    ],
)
def test_a_place_that_is_none_is_refused(project: Path, path: str, message: str) -> None:
    """A ledger is not put where it would be deleted, shared or lost, and nothing is made there."""
    (project / "ledger").mkdir()
    with pytest.raises(LedgerError, match=message) as found:
        open_ledger(path)
    assert isinstance(found.value, JobForgeError)
    assert "hidden-word" not in str(found.value)
    assert not (project / "target").exists()


def test_the_configured_target_and_warehouse_are_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Target folder and warehouse are refused under whatever name they have."""
    monkeypatch.setenv("DBT_TARGET_PATH", str(project / "build"))
    with pytest.raises(LedgerError, match="a folder that dbt clean deletes"):
        open_ledger("build/jobforge.sqlite")
    monkeypatch.setenv("JOBFORGE_WAREHOUSE", "data/main.db")
    with pytest.raises(LedgerError, match="the warehouse's file"):
        open_ledger(str(project / "data" / "main.db"))
    (project / "link").symlink_to(project / "build")
    with pytest.raises(LedgerError, match="a folder that dbt clean deletes"):
        open_ledger("link/jobforge.sqlite")


def test_a_folder_that_happens_to_be_called_target_is_fine(tmp_path: Path) -> None:
    """A project that stands somewhere below a folder named target has a ledger all the same."""
    path = tmp_path / "target" / "project" / "ledger.sqlite"
    open_ledger(str(path)).close()
    assert path.is_file()


def test_a_duckdb_file_is_refused_under_any_name(project: Path) -> None:
    """A DuckDB file is not taken for a ledger and not changed."""
    duckdb.connect(str(project / "main.db")).close()
    before = (project / "main.db").read_bytes()
    with pytest.raises(LedgerError, match="is a DuckDB file"):
        open_ledger("main.db")
    assert (project / "main.db").read_bytes() == before


def test_a_file_of_something_else_is_refused(project: Path) -> None:
    """A text file and another program's SQLite file are refused and not changed."""
    (project / "notes.txt").write_text("These are my notes, and no ledger.")
    with pytest.raises(LedgerCorruptError, match="is damaged or is not a SQLite file"):
        open_ledger("notes.txt")
    other = sqlite3.connect("other.sqlite")
    other.execute("create table mine (a)")
    other.commit()
    other.close()
    for read_only in (False, True):
        with pytest.raises(LedgerCorruptError, match="tables of something else in it: mine"):
            open_ledger("other.sqlite", read_only=read_only)


def test_a_corrupt_file_is_refused(project: Path) -> None:
    """A ledger whose pages are damaged says so and says what to do."""
    open_ledger("ledger.sqlite").close()
    path = project / "ledger.sqlite"
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\x17" * (len(whole) - 100))
    with pytest.raises(LedgerCorruptError, match=r"ledger\.sqlite is damaged: restore it"):
        open_ledger("ledger.sqlite")


def test_a_locked_ledger_is_waited_for_and_then_refused(project: Path) -> None:
    """A ledger that another program keeps locked is an error that says so."""
    open_ledger("ledger.sqlite").close()
    other = sqlite3.connect("ledger.sqlite", isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(LedgerBusyError, match=r"kept the ledger .* locked for 0\.1 s"):
        open_ledger("ledger.sqlite", wait_seconds=0.1)
    with open_ledger("ledger.sqlite", read_only=True) as ledger:
        assert ledger.stats().attempts == 0
    other.execute("rollback")
    open_ledger("ledger.sqlite", wait_seconds=0.1).close()


def test_what_was_paid_for_waits_longer_for_a_lock(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that holds the ledger for a while costs no answer; one that keeps it is told."""
    clock, once = Clock(), Database._once
    passing = SimpleNamespace(monotonic=clock, sleep=clock.pass_by)
    monkeypatch.setattr("jobforge.ledger.database.time", passing)
    other = sqlite3.connect("ledger.sqlite", isolation_level=None, check_same_thread=False)
    lets_go_after = 3
    refusals = 0

    def once_or_wait(database: Database, work: Callable[[Connection], Any], *options: Any) -> Any:
        nonlocal refusals
        try:
            return once(database, work, *options)
        except OperationalError:
            clock.pass_by(0.25)
            refusals += 1
            if refusals == lets_go_after:
                other.execute("rollback")
            raise

    monkeypatch.setattr(Database, "_once", once_or_wait)
    with open_ledger("ledger.sqlite", wait_seconds=0.25, patience_seconds=10) as ledger:
        other.execute("begin immediate")
        ledger.record([attempt()])
        assert refusals == lets_go_after
        assert len(ledger.lookup(cell_keys(asked()))) == 2
        other.execute("begin immediate")
        lets_go_after = refusals = 0
        begun = clock.now
        with pytest.raises(LedgerBusyError):
            ledger.record([attempt(asked(2))])
        assert 9 < clock.now - begun < 11


def test_a_ledger_to_read_must_be_there(project: Path) -> None:
    """Reading only makes no file."""
    with pytest.raises(LedgerError, match="there is no ledger at"):
        open_ledger("missing.sqlite", read_only=True)
    assert not (project / "missing.sqlite").exists()


def in_child(work: Callable[[], None]) -> None:
    """Do the work in a process of its own, whose limits and user end with it."""
    process = multiprocessing.get_context("fork").Process(target=_exit_code, args=(work,))
    process.start()
    process.join(HANG_SECONDS)
    assert process.exitcode == 0


def _exit_code(work: Callable[[], None]) -> None:
    try:
        work()
    except BaseException as error:  # noqa: BLE001
        print(repr(error), file=sys.stderr)  # noqa: T201
        os._exit(1)
    os._exit(0)


def without_rights() -> None:
    """Become a user who owns nothing."""
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)


def open_to_all(path: Path) -> None:
    """Let every user walk down to the path."""
    for folder in (path, *path.parents):
        if folder.stat().st_uid == os.getuid() and not folder.stat().st_mode & 0o001:
            folder.chmod(0o755)


def test_a_folder_that_cannot_be_written_is_said(project: Path) -> None:
    """Without the right to write there is a clear error, and reading works all the same."""
    with open_ledger("kept/ledger.sqlite") as ledger:
        ledger.record([attempt()])
    folder = project / "kept"
    open_to_all(folder)
    (folder / "ledger.sqlite").chmod(0o444)
    folder.chmod(0o555)

    def work() -> None:
        without_rights()
        for name in ("ledger.sqlite", "new.sqlite"):
            with pytest.raises(LedgerError, match="cannot be written: Permission denied"):
                open_ledger(str(folder / name))
        with open_ledger(str(folder / "ledger.sqlite"), read_only=True) as ledger:
            assert len(ledger.lookup(cell_keys(asked()))) == 2

    try:
        in_child(work)
    finally:
        folder.chmod(0o755)


def test_a_full_disk_is_found_before_anything_is_asked(project: Path) -> None:
    """Where no room is left for a while's answers, opening says so and leaves nothing behind."""
    open_ledger("ledger.sqlite").close()

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
        with pytest.raises(LedgerFullError, match="there is no room for the ledger"):
            open_ledger("ledger.sqlite")

    in_child(work)
    assert sorted(os.listdir(project)) == ["dbt_project.yml", "ledger.sqlite"]


def test_a_disk_that_fills_up_later_loses_nothing(project: Path) -> None:
    """A record that finds no room raises, and what was recorded before stays."""
    path = str(project / "ledger.sqlite")
    open_ledger(path).close()

    def work() -> None:
        with open_ledger(path) as ledger:
            connection = ledger._database._engine.raw_connection()  # type: ignore[attr-defined]
            connection.cursor().execute("pragma max_page_count = 60")
            connection.close()
            with pytest.raises(LedgerFullError, match="no room is left"):  # noqa: PT012
                for job in range(1, 1000):
                    ledger.record([attempt(asked(job))])
            assert 0 < ledger.stats().attempts < 1000
            assert ledger.lookup(cell_keys(asked(1)))
            assert list(ledger.verify()) == []

    in_child(work)


def test_postgres_errors_name_the_place_and_no_password(
    postgres_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong password, an unknown database and a dead port are ledger errors."""
    url = postgres_server.url("no_such_database")
    wrong = postgres_server.url().replace(PASSWORD, "another-password")
    dead = f"postgresql://ledger:{PASSWORD}@127.0.0.1:9/ledger"
    for bad in (url, wrong, dead):
        with pytest.raises(LedgerError, match=r"the ledger postgresql.*cannot be used") as found:
            open_ledger(bad, wait_seconds=1)
        assert PASSWORD not in str(found.value)
        assert "another-password" not in str(found.value)


def test_a_password_in_the_query_is_not_shown() -> None:
    """Wherever in its address a password stands, the place is named without it."""
    shown = str(Location.of("postgresql://user:secret-1@host/db?password=secret-2"))
    assert "secret" not in shown
    assert "host/db" in shown


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_postgres_in_another_encoding_is_refused(postgres_server: Server, encoding: str) -> None:
    """A database that has no place for every letter says so before anything is asked."""
    url = postgres_server.new_database(encoding)
    with pytest.raises(LedgerError, match=f"encoded in {encoding}.*UTF8"):
        open_ledger(url)


def test_postgres_without_its_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger on PostgreSQL without psycopg says what to install."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(LedgerError, match=r"pip install 'jobforge\[postgres\]'"):
        open_ledger("postgresql://user@127.0.0.1/ledger")


def test_postgres_without_the_right_to_write_is_said(new_postgres_url: str) -> None:
    """A user who may not make tables is told so before any call."""
    import psycopg

    with psycopg.connect(new_postgres_url, autocommit=True) as connection:
        connection.execute(f"create role reader_1 login password '{PASSWORD}'".encode())
    limited = new_postgres_url.replace("//ledger:", "//reader_1:")
    with pytest.raises(LedgerError, match="cannot be written"):
        open_ledger(limited)


def test_a_broken_connection_is_made_again(new_postgres_url: str) -> None:
    """A server that closed all connections costs no record."""
    import psycopg

    with open_ledger(new_postgres_url) as ledger:
        ledger.record([attempt()])
        with psycopg.connect(new_postgres_url, autocommit=True) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
        ledger.record([attempt(asked(2))])
        assert len(ledger.lookup(cell_keys(asked(1), asked(2)))) == 4


def test_postgres_to_read_must_be_a_ledger(new_postgres_url: str) -> None:
    """An empty database is no ledger to read, and stays empty."""
    with pytest.raises(LedgerError, match="there is no ledger in it yet"):
        open_ledger(new_postgres_url, read_only=True)


def test_a_session_that_is_ended_amid_its_work_begins_it_again(new_postgres_url: str) -> None:
    """Reading or writing: a run that slept amid a transaction goes on with another session."""
    with open_ledger(new_postgres_url) as ledger:
        assert isinstance(ledger, Ledger)
        for act in (ledger._database.read, ledger._database.write):
            begun: list[int] = []

            def work(connection: Connection, begun: list[int] = begun) -> int:
                begun.append(1)
                if len(begun) == 1:
                    connection.exec_driver_sql("select pg_terminate_backend(pg_backend_pid())")
                return int(connection.exec_driver_sql("select 7").scalar_one())

            assert act(work) == 7
            assert len(begun) == 2


def test_a_ledger_that_lost_its_log_is_none_that_was_never_begun(project: Path) -> None:
    """A file without tables, whose log is gone, is refused by every opening."""
    sqlite3.connect("lost.sqlite").execute("pragma journal_mode = wal").close()
    assert (project / "lost.sqlite").stat().st_size > 0
    for read_only in (False, True):
        with pytest.raises(LedgerCorruptError, match=r"what was written .* lost\.sqlite-wal"):
            open_ledger("lost.sqlite", read_only=read_only)


def test_the_tables_of_a_new_ledger_are_in_its_file_at_once(project: Path) -> None:
    """Copied without its log, or with the log lost, a ledger is one all the same."""
    with open_ledger("new.sqlite"):
        (project / "copy.sqlite").write_bytes((project / "new.sqlite").read_bytes())
    with open_ledger("copy.sqlite", read_only=True) as ledger:
        assert ledger.stats().attempts == 0


@pytest.mark.parametrize("read_only", [False, True])
def test_an_empty_file_is_a_ledger_that_was_not_begun(project: Path, read_only: bool) -> None:
    """A run begins it; who only reads is told that there is none yet."""
    (project / "empty.sqlite").touch()
    if read_only:
        with pytest.raises(LedgerError, match=r"empty\.sqlite: there is no ledger in it yet"):
            open_ledger("empty.sqlite", read_only=True)
        return
    with open_ledger("empty.sqlite") as ledger:
        ledger.record([attempt()])


@pytest.mark.parametrize(
    ("number", "error", "message"),
    [
        (errno.EROFS, LedgerError, "cannot be written: Read-only file system"),
        (errno.EIO, LedgerError, "cannot be written: Input/output error"),
        (errno.ENOSPC, LedgerFullError, "no room"),
        (errno.EDQUOT, LedgerFullError, "no room"),
    ],
)
def test_only_a_full_disk_is_called_full(
    monkeypatch: pytest.MonkeyPatch, number: int, error: type[LedgerError], message: str
) -> None:
    """What the system says of a folder is what the user reads."""

    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(LedgerError, match=message) as found:
        open_ledger("new.sqlite")
    assert type(found.value) is error


def test_keywords_of_postgres_are_an_address(new_postgres_url: str) -> None:
    """What libpq takes is the same ledger, and its password is shown nowhere."""
    from sqlalchemy.engine import make_url

    url = make_url(new_postgres_url)
    given = {
        "host": url.host or url.query.get("host"),
        "port": url.port,
        "user": url.username,
        "password": url.password or PASSWORD,
        "dbname": url.database,
    }
    text = " ".join(f"{name}='{value}'" for name, value in given.items() if value)
    with open_ledger(text) as ledger:
        ledger.record([attempt()])
        assert str(given["password"]) not in ledger.stats().location
    with open_ledger(new_postgres_url, read_only=True) as ledger:
        assert ledger.stats().attempts == 1


@pytest.mark.parametrize("rest", ["nonsense", "port=none", "port=1,2"])
def test_keywords_that_cannot_be_read_make_no_file(project: Path, rest: str) -> None:
    """What begins like keywords and is none of them is refused, without its text."""
    with pytest.raises(LedgerError, match="begins like keywords of PostgreSQL") as found:
        open_ledger(f"password=geheim {rest}")
    assert "geheim" not in str(found.value)
    assert list(project.iterdir()) == [project / "dbt_project.yml"]
