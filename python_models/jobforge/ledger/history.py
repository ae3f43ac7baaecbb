"""The history of gold: what each run recorded of it, in parts whose contents are Parquet files.

The recordings of a history are numbered 1, 2, … without a gap: the first is the whole layer, later
ones are what changed. All parts of one are added in one transaction, and only where nobody else has
recorded since what they were compared with. A part's hash covers its facts, its content and the
hash of the part before it in its history, and is derived anew whenever a part is read: none can be
changed, put in or taken out from among others unnoticed. Only that the last ones were taken away
does not show.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Connection, func, insert, select

from jobforge.ledger import chain
from jobforge.ledger.database import Database
from jobforge.ledger.dialects import Dialect
from jobforge.ledger.errors import LedgerCorruptError, LedgerError, SecretFoundError
from jobforge.ledger.hashes import digest
from jobforge.ledger.records import Fault, HistoryKind, HistoryPart, Recording
from jobforge.ledger.rows import from_micros, to_micros
from jobforge.ledger.secrets import Secrets
from jobforge.ledger.tables import history_part

__all__ = [
    "START",
    "Content",
    "add",
    "decoded",
    "encoded",
    "faults",
    "part_faults",
    "part_hash",
    "read",
    "recordings",
    "row_of",
    "rows_of_parts",
]

START = ""
_ROWS_A_PART = 1_000_000
_BYTES_A_PART = 256 * 2**20

_COLUMNS = history_part.c
_FACTS = [
    _COLUMNS.history,
    _COLUMNS.sequence,
    _COLUMNS.part,
    _COLUMNS.kind,
    _COLUMNS.dbt_invocation_id,
    _COLUMNS.recorded_at,
    _COLUMNS.row_count,
    _COLUMNS.row_hash,
]
_ORDER = (_COLUMNS.history, _COLUMNS.sequence, _COLUMNS.part)


class Content(NamedTuple):
    """What a part holds: the bytes of a Parquet file, and how many rows it has."""

    file: bytes
    rows: int


def encoded(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, secrets: Secrets
) -> list[Content]:
    """Return the rows as the contents of parts, one empty part where there are none.

    Raises SecretFoundError where a text looks like a key.
    """
    found: list[Content] = []
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        _refuse_secrets(batch, secrets)
        waiting.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= _ROWS_A_PART or size >= _BYTES_A_PART:
            found.append(_content(waiting, schema))
            waiting, rows, size = [], 0, 0
    if waiting or not found:
        found.append(_content(waiting, schema))
    return found


def _content(batches: Sequence[pa.RecordBatch], schema: pa.Schema) -> Content:
    table = pa.Table.from_batches(batches, schema=schema)
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return Content(file.getvalue(), table.num_rows)


def _refuse_secrets(batch: pa.RecordBatch, secrets: Secrets) -> None:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        texts = column.flatten() if pa.types.is_list(column.type) else column
        if not pa.types.is_string(texts.type):
            continue
        different = [text for text in pc.unique(texts).to_pylist() if text]
        # Together first: it is rare that anything is found, and each text costs some microseconds.
        if secrets.stand_in("\n".join(different)) and any(map(secrets.stand_in, different)):
            raise SecretFoundError(
                f"the history of gold would store a {name} that holds what looks like an API key or"
                " a token, which is never stored: take it out of the data, or set the var history"
                " to off"
            )


def decoded(content: bytes, at: HistoryPart) -> pa.Table:
    """Return the rows of a part; raises LedgerCorruptError where it cannot be read."""
    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError):
        raise _damaged(at, "it is no Parquet file") from None
    if table.num_rows != at.row_count:
        raise _damaged(at, f"it has {table.num_rows} of its {at.row_count} rows")
    return table


def _damaged(at: HistoryPart, what: str) -> LedgerCorruptError:
    return LedgerCorruptError(
        f"recording {at.sequence}, part {at.part} of the history {at.history} is damaged: {what}."
        " `jobforge ledger verify` names all that is; restore the ledger from a backup"
    )


def part_hash(at: HistoryPart, content: bytes, before: str) -> str:
    """Derive the hash of a part; `before` is the hash of the part before it."""
    return digest(
        "history",
        at.history,
        at.sequence,
        at.part,
        at.kind,
        at.dbt_invocation_id,
        to_micros(at.recorded_at),
        at.row_count,
        hashlib.sha256(content).hexdigest(),
        before,
    )


def add(
    connection: Connection,
    dialect: Dialect,
    history: str,
    kind: HistoryKind,
    run_id: str,
    *,
    contents: Sequence[Content],
    after: int,
) -> Recording:
    """Add a recording whose rows were compared with recording `after`; 0 begins a history.

    Raises LedgerError where another run has recorded since then.
    """
    # Nobody else adds to the ledger until the transaction ends.
    chain.hold(connection)
    last = _last(connection, history)
    if (last.sequence if last else 0) != after:
        raise LedgerError(
            f"another run has recorded the history {history} up to {last.sequence if last else 0}"
            f" since this one compared gold with recording {after}:"
            " dbt build --select history_recorded+"
        )
    now = dialect.now(connection)
    # As-of goes by these times: they never go back, whatever the clock does.
    moment = max(now, to_micros(last.recorded_at)) if last else now
    before = last.row_hash if last else START
    for number, content in enumerate(contents):
        facts = HistoryPart(
            history=history,
            sequence=after + 1,
            part=number,
            kind=kind,
            dbt_invocation_id=run_id,
            recorded_at=from_micros(moment),
            row_count=content.rows,
            row_hash="",
        )
        before = part_hash(facts, content.file, before)
        connection.execute(insert(history_part), row_of(facts, content.file, before))
    rows = sum(content.rows for content in contents)
    return Recording(history, after + 1, kind, run_id, from_micros(moment), rows)


def row_of(at: HistoryPart, content: bytes, row_hash: str) -> dict[str, Any]:
    """Return a part as a row of the table."""
    return {
        "history": at.history,
        "sequence": at.sequence,
        "part": at.part,
        "kind": at.kind,
        "dbt_invocation_id": at.dbt_invocation_id,
        "recorded_at": to_micros(at.recorded_at),
        "row_count": at.row_count,
        "content": content,
        "row_hash": row_hash,
    }


def _last(connection: Connection, history: str, end: int | None = None) -> HistoryPart | None:
    query = select(*_FACTS).where(_COLUMNS.history == history)
    if end is not None:
        query = query.where(_COLUMNS.sequence <= end)
    ordered = query.order_by(_COLUMNS.sequence.desc(), _COLUMNS.part.desc()).limit(1)
    row = connection.execute(ordered).first()
    return None if row is None else _part(row)


def _part(row: Any) -> HistoryPart:
    facts = list(row)
    facts[5] = from_micros(facts[5])
    return HistoryPart(*facts)


def recordings(database: Database, history: str | None = None) -> list[Recording]:
    """Return the recordings of a history, or of all, in their order and without their contents."""
    query = select(
        _COLUMNS.history,
        _COLUMNS.sequence,
        func.min(_COLUMNS.kind),
        func.min(_COLUMNS.dbt_invocation_id),
        func.min(_COLUMNS.recorded_at),
        func.sum(_COLUMNS.row_count),
    ).group_by(_COLUMNS.history, _COLUMNS.sequence)
    if history is not None:
        query = query.where(_COLUMNS.history == history)
    ordered = query.order_by(_COLUMNS.history, _COLUMNS.sequence)
    rows: list[Any] = database.read(lambda connection: list(connection.execute(ordered).all()))
    return [
        Recording(name, sequence, kind, run_id, from_micros(moment), int(count))
        for name, sequence, kind, run_id, moment, count in rows
    ]


def rows_of_parts(database: Database, history: str | None = None, after: int = 0) -> Iterator[Any]:
    """Yield the rows of a history's parts, or of all, in their order, one in memory at a time."""
    numbers = select(_COLUMNS.part_no).where(_COLUMNS.sequence > after).order_by(*_ORDER)
    if history is not None:
        numbers = numbers.where(_COLUMNS.history == history)
    found: list[int] = database.read(lambda connection: list(connection.execute(numbers).scalars()))
    for number in found:
        query = select(*_FACTS, _COLUMNS.content).where(_COLUMNS.part_no == number)
        yield database.read(partial(_one, query=query))


def _one(connection: Connection, query: Any) -> Any:
    return connection.execute(query).one()


def _contents(
    database: Database, history: str | None = None, after: int = 0
) -> Iterator[tuple[HistoryPart, bytes]]:
    for row in rows_of_parts(database, history, after):
        yield _part(row[:-1]), bytes(row[-1])


def read(
    database: Database, history: str, after: int = 0
) -> Iterator[tuple[HistoryPart, pa.Table]]:
    """Yield the parts of a history with their rows, from the first after that recording on.

    Raises LedgerCorruptError at the first part that does not hold.
    """
    last: HistoryPart | None = None
    if after:
        last = database.read(lambda connection: _last(connection, history, after))
    for at, content in _contents(database, history, after):
        for fault in part_faults(at, content, last):
            raise _damaged(at, fault.message)
        yield at, decoded(content, at)
        last = at


def faults(database: Database) -> Iterator[Fault]:
    """Yield what does not hold of all histories."""
    last: HistoryPart | None = None
    for at, content in _contents(database):
        if last is not None and last.history != at.history:
            last = None
        yield from part_faults(at, content, last)
        try:
            decoded(content, at)
        except LedgerCorruptError as error:
            yield Fault("history_part", _key(at), str(error))
        last = at


def part_faults(at: HistoryPart, content: bytes, last: HistoryPart | None) -> Iterator[Fault]:
    """Yield what does not hold of a part after the part before it."""
    key = _key(at)
    if not _follows(at, last):
        yield Fault("history_part", key, "what comes before it was taken away")
    elif at.kind != ("layer" if at.sequence == 1 else "changes"):
        yield Fault("history_part", key, f"recording {at.sequence} is no {at.kind}")
    if part_hash(at, content, START if last is None else last.row_hash) != at.row_hash:
        message = "the part, or one before it, was changed, put in or taken away"
        yield Fault("history_part", key, message)


def _follows(at: HistoryPart, last: HistoryPart | None) -> bool:
    if last is None:
        return (at.sequence, at.part) == (1, 0)
    place = (last.sequence, last.part)
    return (at.sequence, at.part) in {(place[0], place[1] + 1), (place[0] + 1, 0)}


def _key(at: HistoryPart) -> str:
    return f"{at.history} {at.sequence}/{at.part}"
