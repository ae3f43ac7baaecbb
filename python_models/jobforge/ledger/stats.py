"""The ledger in figures."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, select

from jobforge.ledger.database import Database
from jobforge.ledger.migrations import version_of
from jobforge.ledger.records import LedgerStats
from jobforge.ledger.tables import answer, attempt, batch, claim, pending_cell

__all__ = ["stats"]


def stats(database: Database) -> LedgerStats:
    """Count everything, in one state of the ledger."""
    dialect = database.dialect
    with database.reading() as connection:
        now = dialect.now(connection)
        return LedgerStats(
            location=database.shown,
            schema_version=version_of(connection, dialect),
            bytes=dialect.size(connection),
            attempts=_count(connection, attempt),
            runs=int(_one(connection, func.count(attempt.c.run_id.distinct()))),
            answered=_count(connection, answer, answer.c.outcome == "answered"),
            refused=_count(connection, answer, answer.c.outcome == "refused"),
            prompt_tokens=int(_total(connection, "prompt_tokens")),
            cached_tokens=int(_total(connection, "cached_tokens")),
            completion_tokens=int(_total(connection, "completion_tokens")),
            cost_usd=float(_total(connection, "cost_usd")),
            claims=_count(connection, claim, claim.c.expires_at > now),
            open_batches=_count(connection, batch, batch.c.finished_at.is_(None)),
            pending_cells=_count(connection, pending_cell),
        )


def _count(connection: Connection, table: Table, *where: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(table).where(*where)
    return int(connection.execute(query).scalar_one())


def _total(connection: Connection, name: str) -> Any:
    return _one(connection, func.sum(attempt.c[name])) or 0


def _one(connection: Connection, figure: ColumnElement[Any]) -> Any:
    return connection.execute(select(figure)).scalar_one()
