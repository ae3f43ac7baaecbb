"""The ledger as one Parquet file and back: a row per attempt, with its texts and its answers.

What people said of cells is little beside that, and stands in the file's footer.

An import trusts nothing: a row whose hashes do not hold stays out, and so does one that is here
already, changed or not. A file from which attempts were taken is named as such; what is left of it
is taken.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, select

from jobforge.ledger import chain, entries, reviews, tables
from jobforge.ledger.columns import TEXT_COLUMNS
from jobforge.ledger.database import Database
from jobforge.ledger.errors import LedgerError, SecretFoundError
from jobforge.ledger.hashes import text_hash
from jobforge.ledger.records import Fault, ImportReport
from jobforge.ledger.rows import Row
from jobforge.ledger.secrets import Secrets
from jobforge.ledger.streams import pages
from jobforge.ledger.texts import chunks, fetch
from jobforge.ledger.verification import answers_of, chain_faults, row_faults

__all__ = ["export", "import_"]

_FORMAT = {b"jobforge.ledger.export": b"1"}
_CHAIN_END = "jobforge.ledger.chain_end"
_REVIEWS = "jobforge.ledger.reviews"
_DROPPED_TEXT = "dropped_user_text"
_ATTEMPTS_AT_ONCE = 500
_TYPES = {"TEXT": pa.string(), "BIGINT": pa.int64(), "DOUBLE": pa.float64()}


def _plain_fields(table: Any, *without: str) -> list[pa.Field]:
    return [
        pa.field(column.name, _TYPES[str(column.type)], nullable=bool(column.nullable))
        for column in table.c
        if column.name not in without
    ]


_ANSWER = _plain_fields(tables.answer, "answer_no", "attempt_no")
_ANSWER_NAMES = [field.name for field in _ANSWER]
_SCHEMA = pa.schema(
    [
        *_plain_fields(tables.attempt, "attempt_no"),
        ("answers", pa.list_(pa.struct(_ANSWER))),
        # The hash of the user message, where that was dropped.
        (_DROPPED_TEXT, pa.string()),
    ],
    metadata=_FORMAT,
)
_ATTEMPT_NAMES = [name for name in _SCHEMA.names if name not in ("answers", _DROPPED_TEXT)]


def export(database: Database, path: Path) -> int:
    """Write the file under another name first, so that it is whole or not there."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    count = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(unfinished, _SCHEMA, compression="zstd") as writer:
            end = chain.START
            for rows in _read_pages(database):
                writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=_SCHEMA))
                count += len(rows)
                end = rows[-1]["chain_hash"] or end
            said = json.dumps(reviews.review_rows(database), ensure_ascii=False)
            writer.add_key_value_metadata({_CHAIN_END: end, _REVIEWS: said})
        unfinished.replace(path)
    except OSError as error:
        raise LedgerError(f"the export {path} cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return count


def _read_pages(database: Database) -> Iterator[list[Row]]:
    query = select(tables.attempt)
    for page in pages(database, query, tables.attempt.c.attempt_no, _ATTEMPTS_AT_ONCE):
        rows = [dict(row._mapping) for row in page]
        answers = answers_of(database, rows[0]["attempt_no"], rows[-1]["attempt_no"])
        hashes = [row[n] for row in rows for n in TEXT_COLUMNS]
        texts = database.read(partial(fetch, hashes=hashes))
        for row in rows:
            row["answers"] = answers.get(row["attempt_no"], [])
            dropped = row["texts_dropped_at"] is not None
            row[_DROPPED_TEXT] = row["user_text"] if dropped else None
            row.update((name, texts[row[name]]) for name in TEXT_COLUMNS)
        yield rows


def import_(database: Database, path: Path, secrets: Secrets) -> ImportReport:
    """Add what is new of an exported file, some hundred attempts a transaction."""
    new_attempts = new_answers = known = 0
    faults: list[Fault] = []
    before = chain.START
    for rows in _read_file(path):
        for row in rows:
            if row.get("chain_hash") is not None:
                faults += chain_faults(row, before)
                before = row["chain_hash"]
        good: list[entries.Prepared] = []
        for row in rows:
            found, prepared = _prepared(row, secrets)
            faults += found
            if not found:
                good.append(prepared)
        stored = _stored_hashes(database, good)
        fresh: list[entries.Prepared] = []
        same: list[entries.Prepared] = []
        for one in good:
            attempt_id = one.attempt["attempt_id"]
            if attempt_id not in stored:
                fresh.append(one)
            elif stored[attempt_id] == one.attempt["row_hash"]:
                same.append(one)
            else:
                message = "another attempt with this id is here already"
                faults.append(Fault("attempt", attempt_id, message))

        def work(
            connection: Connection,
            fresh: Sequence[entries.Prepared] = fresh,
            same: Sequence[entries.Prepared] = same,
        ) -> tuple[int, int]:
            restored = entries.restore(connection, database.dialect, same)
            attempts, answers = entries.add(connection, database.dialect, fresh)
            return attempts, answers + restored

        attempts, answers = database.write(work)
        new_attempts += attempts
        new_answers += answers
        known += len(good) - attempts
    footer = _footer(path)
    if before != footer.get(_CHAIN_END, before):
        faults.append(Fault("file", path.name, "the last attempts were taken out of it"))
    said, bad = reviews.restore(_reviews(path, footer), secrets)
    new_reviews = (
        database.write(partial(reviews.add, dialect=database.dialect, rows=said)) if said else 0
    )
    return ImportReport(new_attempts, new_answers, known, (*faults, *bad), new_reviews=new_reviews)


def _footer(path: Path) -> dict[str, str]:
    """Return what an exported file says of itself."""
    given = pq.read_metadata(path).metadata or {}
    return {
        name: given[name.encode()].decode()
        for name in (_CHAIN_END, _REVIEWS)
        if name.encode() in given
    }


def _reviews(path: Path, footer: Mapping[str, str]) -> list[Row]:
    try:
        rows = json.loads(footer.get(_REVIEWS, "[]"))
    except ValueError:
        rows = None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise LedgerError(f"{path} has reviews in its footer that cannot be read: export it again")
    return rows


def _read_file(path: Path) -> Iterator[list[Row]]:
    try:
        with pq.ParquetFile(path) as file:
            if (file.schema_arrow.metadata or {}).items() & _FORMAT.items() != _FORMAT.items():
                raise LedgerError(f"{path} is no export of a ledger that this jobforge can read")
            # What a later version added may be null, so an older export need not have it.
            required = {field.name for field in _SCHEMA if not field.nullable} | {"answers"}
            missing = required - set(file.schema_arrow.names)
            if missing:
                raise LedgerError(f"{path} has no column {', '.join(sorted(missing))}")
            for batch in file.iter_batches(batch_size=_ATTEMPTS_AT_ONCE):
                yield batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise LedgerError(f"{path} cannot be read: {error}") from None


def _prepared(row: Row, secrets: Secrets) -> tuple[list[Fault], entries.Prepared]:
    given: dict[str, str] = {name: row[name] or "" for name in TEXT_COLUMNS}
    attempt: Row = {name: row.get(name) for name in _ATTEMPT_NAMES}
    hashes = {name: text_hash(content) for name, content in given.items()}
    if attempt["texts_dropped_at"] is not None:
        hashes["user_text"] = row.get(_DROPPED_TEXT) or ""
    attempt.update(hashes)
    answers = [{name: cell[name] for name in _ANSWER_NAMES} for cell in row["answers"] or ()]
    texts = {hashes[name]: content for name, content in given.items()}
    faults = list(row_faults(attempt, answers, given["parameters_text"]))
    faults += _secrets(attempt, answers, texts, secrets)
    return faults, entries.Prepared(attempt, answers, texts)


def _secrets(
    attempt: Row, answers: Sequence[Row], texts: Mapping[str, str], secrets: Secrets
) -> list[Fault]:
    said = [*texts.values(), attempt["raw_reply"], attempt["reason"]]
    said += [answer[name] for answer in answers for name in ("value", "rationale")]
    try:
        for one in said:
            secrets.refuse(one or "", "the attempt")
    except SecretFoundError as error:
        return [Fault("attempt", attempt["attempt_id"], str(error))]
    return []


def _stored_hashes(database: Database, good: Sequence[entries.Prepared]) -> dict[str, str]:

    def look(connection: Connection) -> dict[str, str]:
        stored: dict[str, str] = {}
        for chunk in chunks([one.attempt["attempt_id"] for one in good]):
            query = select(tables.attempt.c.attempt_id, tables.attempt.c.row_hash)
            found = connection.execute(query.where(tables.attempt.c.attempt_id.in_(chunk)))
            stored.update((row[0], row[1]) for row in found)
        return stored

    return database.read(look)
