"""Batches on their way across runs.

A batch is noted before it is uploaded: from then on nobody else asks its cells, whether the upload
succeeds, fails or its program dies. Whoever finds it open later collects it or gives it up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, get_args

from sqlalchemy import Connection, RowMapping, Select, delete, insert, select, update

from jobforge.ledger import claims
from jobforge.ledger.columns import TEXT_COLUMNS
from jobforge.ledger.database import Database
from jobforge.ledger.dialects import Dialect
from jobforge.ledger.entries import prepared_texts
from jobforge.ledger.errors import LedgerError
from jobforge.ledger.records import Batch, BatchItem, BatchState
from jobforge.ledger.rows import from_micros, hashes_of, item_of_row, item_row
from jobforge.ledger.secrets import Secrets
from jobforge.ledger.tables import batch, batch_item, pending_cell
from jobforge.ledger.texts import add_texts, chunks, fetch

__all__ = ["begin", "begun_by", "change", "finish", "items", "open_batches"]

_ITEMS_AT_ONCE = 500


def begin(
    connection: Connection,
    dialect: Dialect,
    secrets: Secrets,
    local_id: str,
    *,
    run_id: str,
    given: Sequence[BatchItem],
) -> None:
    """Note a batch with its items, and turn the run's claims on its cells into waiting."""
    begun = select(batch.c.run_id, batch.c.state).where(batch.c.local_id == local_id)
    known = connection.execute(begun).first()
    keys = [cell.cell_key for item in given for cell in item.request.cells]
    if len(set(keys)) != len(keys):
        raise LedgerError(f"batch {local_id!r} asks a cell twice")
    ordered = sorted(keys)
    if known is not None:
        waiting = select(pending_cell.c.cell_key).where(pending_cell.c.local_id == local_id)
        cells: list[str] = sorted(connection.execute(waiting).scalars())
        if tuple(known) == (run_id, "preparing") and cells == ordered:
            return  # the commit was done before, and the word that it was got lost
        raise LedgerError(f"there is a batch {local_id!r} already")
    foreign = len(keys) - len(claims.find_held(connection, run_id, ordered))
    if foreign:
        raise LedgerError(
            f"batch {local_id!r}: {foreign} of its {len(keys)} cells are not claimed by run"
            f" {run_id!r}"
        )
    now = dialect.now(connection)
    connection.execute(
        insert(batch),
        {
            "local_id": local_id,
            "run_id": run_id,
            "state": "preparing",
            "created_at": now,
            "updated_at": now,
        },
    )
    for some in chunks(given, _ITEMS_AT_ONCE):
        _add_items(connection, dialect, secrets, local_id, some)
    for chunk in chunks(ordered):
        rows = [{"cell_key": key, "local_id": local_id} for key in chunk]
        connection.execute(insert(pending_cell), rows)
    claims.release(connection, run_id, ordered)


def _add_items(
    connection: Connection,
    dialect: Dialect,
    secrets: Secrets,
    local_id: str,
    given: Sequence[BatchItem],
) -> None:
    found: dict[str, str] = {}
    rows = []
    for item in given:
        texts = prepared_texts(item.request, secrets)
        hashes = hashes_of(texts)
        found.update((hashes[name], content) for name, content in texts.items())
        rows.append(item_row(local_id, item, hashes))
    add_texts(connection, dialect, found)
    connection.execute(insert(batch_item), rows)


def change(connection: Connection, dialect: Dialect, local_id: str, **values: str | None) -> None:
    """Note what became known of a batch."""
    given: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    given["updated_at"] = dialect.now(connection)
    statement = update(batch).where(batch.c.local_id == local_id, batch.c.finished_at.is_(None))
    _checked(given.get("state"))
    if connection.execute(statement.values(**given)).rowcount == 0:
        raise LedgerError(f"there is no open batch {local_id!r}")


def finish(connection: Connection, dialect: Dialect, local_id: str, state: BatchState) -> None:
    """End a batch; its cells may be asked again where they have no answer."""
    now = dialect.now(connection)
    _checked(state)
    statement = update(batch).where(batch.c.local_id == local_id, batch.c.finished_at.is_(None))
    done = connection.execute(statement.values(state=state, updated_at=now, finished_at=now))
    if done.rowcount == 0:
        known = select(batch.c.local_id).where(batch.c.local_id == local_id)
        if connection.execute(known).first() is None:
            raise LedgerError(f"there is no batch {local_id!r}")
    connection.execute(delete(pending_cell).where(pending_cell.c.local_id == local_id))
    connection.execute(delete(batch_item).where(batch_item.c.local_id == local_id))


def open_batches(connection: Connection) -> list[Batch]:
    """Return the batches that are not finished, the oldest first."""
    columns = [column for column in batch.c if column.name != "finished_at"]
    query = select(*columns).where(batch.c.finished_at.is_(None))
    rows = connection.execute(query.order_by(batch.c.created_at, batch.c.local_id))
    return [_batch(*row) for row in rows]


def begun_by(connection: Connection, run_id: str) -> set[str]:
    """Return the local ids of the batches that a run has noted, finished ones too."""
    query = select(batch.c.local_id).where(batch.c.run_id == run_id)
    return set(connection.execute(query).scalars())


def _batch(*fields: Any) -> Batch:
    values = [*fields[:-2], *map(from_micros, fields[-2:])]
    return Batch(*values)


def items(database: Database, local_id: str) -> Iterator[BatchItem]:
    """Yield the requests of an unfinished batch, a few hundred read at a time."""
    last = ""
    while True:
        query = (
            select(batch_item)
            .where(batch_item.c.local_id == local_id, batch_item.c.custom_id > last)
            .order_by(batch_item.c.custom_id)
            .limit(_ITEMS_AT_ONCE)
        )
        rows, texts = database.read(partial(_rows_and_texts, query=query))
        if not rows:
            return
        for row in rows:
            yield item_of_row(dict(row), texts)
        last = rows[-1]["custom_id"]


def _rows_and_texts(
    connection: Connection, query: Select[Any]
) -> tuple[Sequence[RowMapping], dict[str, str]]:
    rows = connection.execute(query).mappings().all()
    return rows, fetch(connection, {row[name] for row in rows for name in TEXT_COLUMNS})


def _checked(state: str | None) -> None:
    if state is not None and state not in get_args(BatchState):
        raise ValueError(f"{state!r} is no state of a batch: {', '.join(get_args(BatchState))}")
