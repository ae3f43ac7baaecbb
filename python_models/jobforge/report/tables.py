"""How gold is read: what a table lacks is null, what is not there is said, and texts are bounded.

A warehouse may be older than this package or half built. A column that its table lacks is read as
null, a table that it lacks gives no rows, and the page says which tables those are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Protocol

from jobforge.redaction import visible

__all__ = ["LONG_TEXT", "SHORT_TEXT", "Gold", "Tables", "plain"]

# Characters of a text that the page shows: of a name or value, and of what is to be read.
SHORT_TEXT = 200
LONG_TEXT = 800


class Tables(Protocol):
    """A warehouse that is read."""

    def columns(self, table: str) -> list[str]:
        """Return the table's columns; none where there is no such table."""

    def rows(self, table: str, sql: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
        """Return the rows of a query in which `{table}` is the table."""


class Gold:
    """Gold's tables, as the page reads them."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._columns: dict[str, frozenset[str]] = {}

    def has(self, table: str) -> bool:
        """Return whether the warehouse has the table."""
        return bool(self._known(table))

    def state(self, table: str) -> str:
        """Return `missing`, `empty` or `there`."""
        if not self.has(table):
            return "missing"
        return "there" if self._tables.rows(table, "select 1 from {table} limit 1") else "empty"

    def columns(self, table: str, names: Sequence[str], prefix: str = "") -> str:
        """Return a select list of the columns, null in place of those that the table lacks."""
        known = self._known(table)
        return ", ".join(
            f"{prefix}{name}" if name in known else f"null as {name}" for name in names
        )

    def rows(
        self, table: str, sql: str, parameters: Sequence[object] = (), long: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """Return a query's rows as JSON can carry them; none where the table is not there.

        The columns named in `long` are texts to be read, and may be longer than others.
        """
        if not self.has(table):
            return []
        return [_bounded(row, long) for row in self._tables.rows(table, sql, parameters)]

    def pairs(self, table: str, sql: str, parameters: Sequence[object]) -> list[tuple[str, str]]:
        """Return a query's two columns as they are, to look rows up by; none without the table."""
        if not self.has(table):
            return []
        found = [tuple(row.values()) for row in self._tables.rows(table, sql, parameters)]
        return [(str(first), str(second)) for first, second in found]

    def _known(self, table: str) -> frozenset[str]:
        if table not in self._columns:
            self._columns[table] = frozenset(self._tables.columns(table))
        return self._columns[table]


def plain(value: object, limit: int = SHORT_TEXT) -> Any:
    """Return a value as JSON can carry it: moments in UTC, what is no number as null."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float | Decimal):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, date):
        return value.isoformat()
    text = visible(str(value))
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _bounded(row: Mapping[str, object], long: Sequence[str]) -> dict[str, Any]:
    return {
        name: plain(value, LONG_TEXT if name in long else SHORT_TEXT) for name, value in row.items()
    }
