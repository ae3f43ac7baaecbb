"""What people said of cells: rows that are only ever added.

A withdrawal is a row of its own that names the row it takes back, so that it can be seen later who
said what, and until when it held. Adding a row again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import Any

from sqlalchemy import Connection, select

from jobforge.ledger.database import Database
from jobforge.ledger.dialects import Dialect
from jobforge.ledger.errors import SecretFoundError
from jobforge.ledger.hashes import digest
from jobforge.ledger.records import Fault, Review
from jobforge.ledger.rows import Row, from_micros, storable, to_micros
from jobforge.ledger.secrets import Secrets
from jobforge.ledger.tables import review
from jobforge.ledger.texts import chunks

__all__ = ["add", "faults", "prepare", "read", "restore", "review_rows"]

_COLUMNS = [column.name for column in review.c if column.name != "review_no"]
_HASHED = sorted(set(_COLUMNS) - {"row_hash"})
_FIELDS = [field.name for field in fields(Review)]


def prepare(given: Review, secrets: Secrets) -> Row:
    """Return the row of a review; raises SecretFoundError where a text holds a key."""
    row: Row = {"review_id": given.review_id}
    for name in _FIELDS:
        value = getattr(given, name)
        row[name] = storable(value) if isinstance(value, str) else value
    _refuse_secrets(row, secrets)
    row["decided_at"] = to_micros(given.decided_at)
    row["row_hash"] = _hash(row)
    return row


def add(connection: Connection, dialect: Dialect, rows: Sequence[Row]) -> int:
    """Add the rows that are not there yet; return how many those are."""
    known: set[str] = set()
    for chunk in chunks([row["review_id"] for row in rows]):
        found = select(review.c.review_id).where(review.c.review_id.in_(chunk))
        known.update(connection.execute(found).scalars())
    new = {row["review_id"]: row for row in rows if row["review_id"] not in known}
    if new:
        connection.execute(dialect.insert(review).on_conflict_do_nothing(), [*new.values()])
    return len(new)


def read(database: Database) -> list[Review]:
    """Return every review, the oldest first."""
    return [_of_row(row) for row in _all(database)]


def review_rows(database: Database) -> list[Row]:
    """Return every review as it is stored, without its number."""
    return [{name: row[name] for name in _COLUMNS} for row in _all(database)]


def restore(rows: Iterable[Mapping[str, Any]], secrets: Secrets) -> tuple[list[Row], list[Fault]]:
    """Return the rows of an export that hold and have no key in them, and what is wrong else."""
    good: list[Row] = []
    found: list[Fault] = []
    for given in rows:
        row = {name: given.get(name) for name in _COLUMNS}
        fault = _fault(row)
        try:
            _refuse_secrets(row, secrets)
        except SecretFoundError as error:
            fault = fault or Fault("review", str(row["review_id"]), str(error))
        if fault:
            found.append(fault)
        else:
            good.append(row)
    return good, found


def _refuse_secrets(row: Mapping[str, Any], secrets: Secrets) -> None:
    for name in ("value", "reviewer", "reason"):
        secrets.refuse(str(row[name] or ""), f"the {name} of a review")


def faults(database: Database) -> Iterator[Fault]:
    """Yield the reviews that were changed after they were written."""
    return (fault for row in _all(database) if (fault := _fault(row)))


def _all(database: Database) -> list[Mapping[str, Any]]:
    def work(connection: Connection, query: Any) -> list[Mapping[str, Any]]:
        return [dict(row) for row in connection.execute(query).mappings()]

    return database.read(partial(work, query=select(review).order_by(review.c.review_no)))


def _fault(row: Mapping[str, Any]) -> Fault | None:
    if row["row_hash"] != _hash(row):
        return Fault("review", str(row["review_id"]), "the row was changed after it was written")
    return None


def _hash(row: Mapping[str, Any]) -> str:
    parts = [part for name in _HASHED if row[name] is not None for part in (name, row[name])]
    return digest("review", *parts)


def _of_row(row: Mapping[str, Any]) -> Review:
    given = {name: row[name] for name in _FIELDS}
    return Review(**{**given, "decided_at": from_micros(row["decided_at"])})
