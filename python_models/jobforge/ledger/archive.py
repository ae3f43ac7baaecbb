"""The histories as one Parquet file and back: a row per part, with its content.

An import trusts nothing: a history is taken as far as its hashes hold and it goes on with what is
here. Where two have parted, nothing of the other's is taken.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, insert, select

from jobforge.ledger import chain, history
from jobforge.ledger.database import Database
from jobforge.ledger.errors import LedgerCorruptError, LedgerError, SecretFoundError
from jobforge.ledger.records import Fault, HistoryPart
from jobforge.ledger.rows import from_micros
from jobforge.ledger.secrets import Secrets
from jobforge.ledger.tables import history_part

__all__ = ["export", "import_"]

_FORMAT = {b"jobforge.ledger.history": b"1"}
_TEXT, _NUMBER = pa.string(), pa.int64()
_SCHEMA = pa.schema(
    [
        pa.field("history", _TEXT, nullable=False),
        pa.field("sequence", _NUMBER, nullable=False),
        pa.field("part", _NUMBER, nullable=False),
        pa.field("kind", _TEXT, nullable=False),
        pa.field("dbt_invocation_id", _TEXT, nullable=False),
        pa.field("recorded_at", _NUMBER, nullable=False),
        pa.field("row_count", _NUMBER, nullable=False),
        pa.field("row_hash", _TEXT, nullable=False),
        pa.field("content", pa.binary(), nullable=False),
    ],
    metadata=_FORMAT,
)


def export(database: Database, path: Path) -> int:
    """Write every part to a file that is whole or not there; return how many recordings it has."""
    found = history.recordings(database)
    if not found:
        return 0
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(unfinished, _SCHEMA, compression="none") as writer:
            for row in history.rows_of_parts(database):
                given = dict(zip(_SCHEMA.names, row, strict=True))
                writer.write_batch(pa.RecordBatch.from_pylist([given], schema=_SCHEMA))
        unfinished.replace(path)
    except OSError as error:
        raise LedgerError(f"the export {path} cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return len(found)


def import_(database: Database, path: Path, secrets: Secrets) -> tuple[int, list[Fault]]:
    """Add what is new of an exported file, a recording a transaction; return how many were."""
    new = 0
    found: list[Fault] = []
    left_out: set[str] = set()
    for recording in _recordings(path):
        name = recording[0][0].history
        if name in left_out:
            continue
        faults = _check(recording, secrets)

        def work(connection: Connection, parts: list[_Part] = recording) -> bool | Fault:
            return _add(connection, parts)

        added: bool | Fault = faults[0] if faults else database.write(work)
        if isinstance(added, Fault):
            found.append(added)
            left_out.add(name)
        else:
            new += added
    return new, found


_Part = tuple[HistoryPart, bytes, str]


def _recordings(path: Path) -> Iterator[list[_Part]]:
    """Yield the parts of each recording of the file, each with the hash of the part before it."""
    waiting: list[_Part] = []
    last: HistoryPart | None = None
    for at, content in _read_file(path):
        if waiting and (waiting[0][0].history, waiting[0][0].sequence) != (at.history, at.sequence):
            yield waiting
            waiting = []
        before = last.row_hash if last and last.history == at.history else history.START
        waiting.append((at, content, before))
        last = at
    if waiting:
        yield waiting


def _read_file(path: Path) -> Iterator[tuple[HistoryPart, bytes]]:
    try:
        with pq.ParquetFile(path) as file:
            if (file.schema_arrow.metadata or {}).items() & _FORMAT.items() != _FORMAT.items():
                raise LedgerError(f"{path} is no export of histories that this jobforge can read")
            missing = sorted(set(_SCHEMA.names) - set(file.schema_arrow.names))
            if missing:
                raise LedgerError(f"{path} has no column {', '.join(missing)}")
            for batch in file.iter_batches(batch_size=1):
                for row in batch.to_pylist():
                    content = row.pop("content")
                    row["recorded_at"] = from_micros(row["recorded_at"])
                    yield HistoryPart(**row), content
    except (OSError, pa.ArrowException) as error:
        raise LedgerError(f"{path} cannot be read: {error}") from None


def _check(parts: list[_Part], secrets: Secrets) -> list[Fault]:
    faults: list[Fault] = []
    for at, content, before in parts:
        key = f"{at.history} {at.sequence}/{at.part}"
        if history.part_hash(at, content, before) != at.row_hash:
            faults.append(Fault("history_part", key, "the hash is not what it is derived from"))
            continue
        try:
            table = history.decoded(content, at)
            history.encoded(table.to_batches(), table.schema, secrets)
        except (LedgerCorruptError, SecretFoundError) as error:
            faults.append(Fault("history_part", key, str(error)))
    return faults


def _add(connection: Connection, parts: list[_Part]) -> bool | Fault:
    """Add a recording; return whether it is new, or why it does not belong here."""
    chain.hold(connection)
    first, _, before = parts[0]
    here = select(history_part.c.sequence, history_part.c.part, history_part.c.row_hash).where(
        history_part.c.history == first.history,
        history_part.c.sequence.in_([first.sequence - 1, first.sequence]),
    )
    found: Sequence[Any] = connection.execute(here).all()
    rows = {(sequence, part): row_hash for sequence, part, row_hash in found}
    same = {key[1]: row_hash for key, row_hash in rows.items() if key[0] == first.sequence}
    earlier = [rows[key] for key in sorted(rows) if key[0] == first.sequence - 1]
    if same:
        if same == {at.part: at.row_hash for at, _, _ in parts}:
            return False
        message = "the history here has parted from that of the file"
        return Fault("history_part", f"{first.history} {first.sequence}", message)
    if (earlier[-1] if earlier else history.START) != before or first.part != 0:
        message = "it does not go on from the history here"
        return Fault("history_part", f"{first.history} {first.sequence}", message)
    for at, content, _ in parts:
        connection.execute(insert(history_part), history.row_of(at, content, at.row_hash))
    return True
