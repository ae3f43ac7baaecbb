"""Adding attempts with their answers: insert or ignore, all or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from jobforge.ledger import chain
from jobforge.ledger.dialects import Dialect
from jobforge.ledger.records import AskedRequest, AttemptRecord
from jobforge.ledger.rows import (
    Row,
    answer_row,
    attempt_row,
    hashes_of,
    item_texts,
    storable,
)
from jobforge.ledger.secrets import Secrets
from jobforge.ledger.tables import answer, attempt, chain_end, claim
from jobforge.ledger.texts import DROPPED, add_texts, chunks

__all__ = ["Prepared", "add", "prepare", "prepared_texts", "restore"]

_KNOWN = select(attempt.c.attempt_id, attempt.c.attempt_no).where(
    attempt.c.attempt_id.in_(bindparam("ids", expanding=True))
)
_END_CLAIMS = delete(claim).where(
    claim.c.run_id == bindparam("run"),
    claim.c.cell_key.in_(bindparam("cells", expanding=True)),
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An attempt as rows: its own, its answers', and its texts by hash."""

    attempt: Row
    answers: list[Row]
    texts: dict[str, str]


def prepared_texts(request: AskedRequest, secrets: Secrets) -> dict[str, str]:
    """Return the request's texts by column; raises SecretFoundError where one holds a secret."""
    texts = item_texts(request)
    for column, content in texts.items():
        what = column.removesuffix("_text")
        secrets.refuse(content, f"the {what} of a request for job {request.job_id!r}")
    return texts


def prepare(record: AttemptRecord, secrets: Secrets) -> Prepared:
    """Return an attempt as rows, checked; nothing is written yet.

    Raises SecretFoundError for a secret in the prompt and ValueError for a key that is not the
    request's; a secret in what came back is replaced.
    """
    request = record.request
    texts = prepared_texts(request, secrets)
    hashes = hashes_of(texts)
    raw = None if record.raw_reply is None else secrets.without(storable(record.raw_reply))
    row = attempt_row(record, hashes, raw, _clean(record.reason, secrets))
    cells = {cell.attribute_id: cell for cell in request.cells}
    rows = []
    for given in record.answers:
        cell = cells[given.attribute_id]
        if (cell.question_key, cell.cell_key) != request.keys(cell.attribute_digest):
            raise ValueError(
                f"attempt {record.attempt_id!r}: the key of {cell.attribute_id!r} is not the one"
                " that its request gives"
            )
        value, rationale = _clean(given.value, secrets), _clean(given.rationale, secrets)
        rows.append(answer_row(cell, given, value, rationale, row["row_hash"]))
    return Prepared(row, rows, {hashes[name]: content for name, content in texts.items()})


def _clean(said: str | None, secrets: Secrets) -> str | None:
    return None if said is None else secrets.without(storable(said))


def add(connection: Connection, dialect: Dialect, prepared: Sequence[Prepared]) -> tuple[int, int]:
    """Add what is not there yet and return the counts of new attempts and new answers."""
    end = chain.hold(connection)
    unique = {one.attempt["attempt_id"]: one for one in reversed(prepared)}
    known = _numbers(connection, unique)
    new = [one for attempt_id, one in reversed(unique.items()) if attempt_id not in known]
    if not new:
        return 0, 0
    texts = {k: v for one in new for k, v in one.texts.items() if v != DROPPED}
    dropped = {k: v for one in new for k, v in one.texts.items() if k not in texts}
    add_texts(connection, dialect, texts | dropped)
    links = chain.extend(end.chain_hash, [one.attempt["row_hash"] for one in new])
    linked = [{**one.attempt, "chain_hash": own} for one, own in zip(new, links, strict=True)]
    connection.execute(insert(attempt), linked)
    numbers = _numbers(connection, [one.attempt["attempt_id"] for one in new])
    last = {"attempt_no": max(numbers.values()), "chain_hash": links[-1]}
    connection.execute(update(chain_end), last)
    rows = [
        {**row, "attempt_no": numbers[one.attempt["attempt_id"]]}
        for one in new
        for row in one.answers
    ]
    if rows:
        connection.execute(dialect.insert(answer).on_conflict_do_nothing(), rows)
        _end_claims(connection, new)
    return len(new), len(rows)


def restore(connection: Connection, dialect: Dialect, known: Sequence[Prepared]) -> int:
    """Add the answers that are missing of attempts that are there, and return how many."""
    numbers = _numbers(connection, [one.attempt["attempt_id"] for one in known])
    there: set[tuple[int, str]] = set()
    for chunk in chunks(numbers.values()):
        query = select(answer.c.attempt_no, answer.c.attribute_id)
        found = connection.execute(query.where(answer.c.attempt_no.in_(chunk)))
        there.update((row[0], row[1]) for row in found)
    rows = [
        {**row, "attempt_no": number}
        for one in known
        for row in one.answers
        if ((number := numbers[one.attempt["attempt_id"]]), row["attribute_id"]) not in there
    ]
    if rows:
        connection.execute(dialect.insert(answer).on_conflict_do_nothing(), rows)
    return len(rows)


def _numbers(connection: Connection, attempt_ids: Iterable[str]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for chunk in chunks(attempt_ids):
        numbers.update((row[0], row[1]) for row in connection.execute(_KNOWN, {"ids": chunk}))
    return numbers


def _end_claims(connection: Connection, new: Sequence[Prepared]) -> None:
    settled: dict[str, set[str]] = {}
    for one in new:
        cells = settled.setdefault(one.attempt["run_id"], set())
        cells.update(row["cell_key"] for row in one.answers)
    for run, cells in settled.items():
        for chunk in chunks(sorted(cells)):
            connection.execute(_END_CLAIMS, {"run": run, "cells": chunk})
