"""Where the ledger is, and where it must not be.

The warehouse file and dbt's target folder can be deleted at any time; what was paid for cannot be
in either of them. A path is found without SQLAlchemy, which a run that has no ledger does not load.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jobforge.ledger.errors import LedgerCorruptError, LedgerError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

__all__ = [
    "DEFAULT_PATH",
    "DEFAULT_WAREHOUSE",
    "VARIABLE",
    "WAREHOUSE_VARIABLE",
    "Location",
    "environment_passwords",
    "ledger_of",
    "passwords",
]

VARIABLE = "JOBFORGE_LEDGER"
DEFAULT_PATH = "ledger/jobforge.sqlite"
WAREHOUSE_VARIABLE = "JOBFORGE_WAREHOUSE"
DEFAULT_WAREHOUSE = "warehouse/jobforge.duckdb"

_SQLITE_HEAD = b"SQLite format 3\x00"
# What libpq takes begins with one of its keywords; a path that does is written with ./ before it.
_KEYWORDS = re.compile(r"(host|hostaddr|port|dbname|user|password|service|sslmode)\s*=")
_POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")
_URLS = tuple(f"{scheme}:" for scheme in (*_POSTGRES, "sqlite", "file"))
# What dbt clean deletes.
_CLEANED = ("target", "logs")


@dataclass(frozen=True, slots=True)
class Location:
    """A SQLite file or a PostgreSQL database; exactly one of `path` and `url` is set."""

    path: Path | None = None
    url: URL | None = None

    def __str__(self) -> str:
        if self.url is None:
            return str(self.path)
        return self.url.set(query={}).render_as_string(hide_password=True)

    @classmethod
    def of(cls, given: str | None) -> Location:
        """Return the location that is given, or else the environment's, or else the default.

        Raises LedgerError where a ledger must not be.
        """
        text = (given or os.environ.get(VARIABLE) or DEFAULT_PATH).strip()
        url = _address(text)
        if url is None:
            return cls(path=_checked(Path(text)))
        scheme = url.drivername
        if scheme in _POSTGRES:
            return cls(url=url.set(drivername="postgresql+psycopg"))
        if scheme == "sqlite" and url.database and url.database != ":memory:":
            return cls(path=_checked(Path(url.database)))
        raise LedgerError(
            f"{VARIABLE} names a {scheme} URL: a ledger is a path, sqlite:///path or"
            " postgresql://user@host/database"
        )


def ledger_of(project: str | Path) -> str | None:
    """Return the place of a project's ledger; None where the environment names another."""
    return None if os.environ.get(VARIABLE) else str(Path(project) / DEFAULT_PATH)


def passwords(url: URL | None) -> tuple[str, ...]:
    """Return what of an address is nobody's business."""
    if url is None:
        return ()
    return tuple(filter(None, (url.password, str(url.query.get("password") or ""))))


def environment_passwords() -> tuple[str, ...]:
    """Return the passwords of the ledger that the environment names."""
    url = _address(os.environ.get(VARIABLE, "").strip())
    return (*passwords(url), os.environ.get("PGPASSWORD", ""))


def _address(text: str) -> URL | None:
    """Return a text as an address, None where it is a path."""
    if _KEYWORDS.match(text):
        return _of_keywords(text)
    if "://" not in text:
        if text.startswith(_URLS):
            raise LedgerError(
                f"{VARIABLE} begins like an address and is none:"
                " write postgresql://user@host/database"
            )
        return None
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(text)
    except (ArgumentError, ValueError):
        raise LedgerError(f"{VARIABLE} is not a URL that can be read") from None


def _of_keywords(text: str) -> URL:
    """Return libpq's keywords and values (`host=… dbname=…`) as an address."""
    from sqlalchemy.engine import URL

    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise LedgerError(
            "a ledger on PostgreSQL needs its driver: pip install 'jobforge[postgres]'"
        ) from None
    try:
        given = {name: str(value) for name, value in conninfo_to_dict(text).items()}
        port = int(given.pop("port", 0)) or None
    except (ProgrammingError, ValueError):
        raise LedgerError(
            f"{VARIABLE} begins like keywords of PostgreSQL and cannot be read: write"
            " postgresql://user@host/database, or ./ before a path"
        ) from None
    user, password, host, database = (
        given.pop(name, None) for name in ("user", "password", "host", "dbname")
    )
    return URL.create("postgresql+psycopg", user, password, host, port, database, given)


def _checked(given: Path) -> Path:
    path = Path(os.path.abspath(given.expanduser()))
    if given.name in ("", ":memory:") or path.is_dir():
        raise LedgerError(f"the ledger {given} is not a file: name one, such as {DEFAULT_PATH}")
    real = path.resolve()
    advice = f"set {VARIABLE} to another path, such as {DEFAULT_PATH}"
    if _is_cleaned(real):
        raise LedgerError(
            f"the ledger {path} would be in a folder that dbt clean deletes: {advice}"
        )
    warehouse = os.environ.get(WAREHOUSE_VARIABLE, DEFAULT_WAREHOUSE)
    if real == Path(warehouse).resolve() or real.suffix == ".duckdb":
        raise LedgerError(f"the ledger {path} would be the warehouse's file: {advice}")
    if real.exists():
        _check_head(path, advice)
    return path


def _is_cleaned(path: Path) -> bool:
    configured = os.environ.get("DBT_TARGET_PATH")
    here = Path.cwd().resolve()
    for folder in path.parents:
        if configured and folder == Path(configured).resolve():
            return True
        if folder.name in _CLEANED and (
            here in folder.parents or (folder.parent / "dbt_project.yml").exists()
        ):
            return True
    return False


def _check_head(path: Path, advice: str) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(len(_SQLITE_HEAD))
    except OSError as error:
        raise LedgerError(f"the ledger {path} cannot be read: {error.strerror}") from None
    if head[8:12] == b"DUCK":
        raise LedgerError(f"the ledger {path} is a DuckDB file: {advice}")
    if head and head != _SQLITE_HEAD:
        raise LedgerCorruptError(
            f"the ledger {path} is damaged or is not a SQLite file: restore it from a backup or an"
            f" export, or {advice}"
        )
