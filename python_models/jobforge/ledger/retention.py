"""Prompts and replies that are old enough are dropped; what they came to, and every hash, stays.

An attempt's user message and its raw reply go: there a job's data and the model's words stand as
they were sent. Its row keeps the hashes of both, its tokens and its price; its answers keep value,
confidence and rationale. What is left has a hash of its own, so that `verify` still finds a change.
A message that a younger attempt or an open batch has, too, stays until that one is old.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, select, update

from jobforge.ledger import chain
from jobforge.ledger.database import Database
from jobforge.ledger.dialects import Dialect
from jobforge.ledger.rows import kept_hash
from jobforge.ledger.tables import attempt, batch_item, text
from jobforge.ledger.texts import DROPPED, chunks

__all__ = ["drop_texts"]

_ATTEMPTS_AT_ONCE = 500


def drop_texts(database: Database, before: int) -> int:
    """Drop what was sent and received before that moment; return of how many attempts.

    Some hundred attempts go in a transaction each.
    """
    dropped = 0
    while count := database.write(partial(_drop, dialect=database.dialect, before=before)):
        dropped += count
    if dropped:
        database.settle()
    return dropped


def _drop(connection: Connection, dialect: Dialect, before: int) -> int:
    old = (
        select(attempt)
        .where(attempt.c.texts_dropped_at.is_(None))
        .where(func.coalesce(attempt.c.received_at, attempt.c.sent_at) < before)
        .order_by(attempt.c.attempt_no)
        .limit(_ATTEMPTS_AT_ONCE)
    )
    # Nobody else adds what has one of these texts until the transaction ends.
    chain.hold(connection)
    dialect.forget_for_good(connection)
    now = dialect.now(connection)
    rows: list[Mapping[str, Any]] = [dict(row) for row in connection.execute(old).mappings()]
    for row in rows:
        left = {**row, "raw_reply": None, "texts_dropped_at": now}
        connection.execute(
            update(attempt)
            .where(attempt.c.attempt_no == row["attempt_no"])
            .values(raw_reply=None, texts_dropped_at=now, kept_hash=kept_hash(left))
        )
    for chunk in chunks(sorted({row["user_text"] for row in rows})):
        connection.execute(
            update(text)
            .where(text.c.sha256.in_(chunk))
            .where(text.c.sha256.not_in(_still_used(chunk)))
            .values(content=DROPPED)
        )
    return len(rows)


def _still_used(hashes: list[str]) -> Any:
    young = select(attempt.c.user_text).where(
        attempt.c.user_text.in_(hashes), attempt.c.texts_dropped_at.is_(None)
    )
    # A short message may be one of the texts that stay.
    others = [
        select(column).where(column.in_(hashes))
        for column in (
            *(attempt.c.system_text, attempt.c.schema_text, attempt.c.parameters_text),
            batch_item.c.user_text,
        )
    ]
    return young.union(*others)
