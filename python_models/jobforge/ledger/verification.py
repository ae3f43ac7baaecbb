"""Every hash derived anew: of texts, of keys, of rows, of the chain of attempts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import select

from jobforge.ledger import chain, reviews, tables
from jobforge.ledger.columns import TEXT_COLUMNS
from jobforge.ledger.database import Database
from jobforge.ledger.hashes import cell_key, question_key, request_key, text_hash
from jobforge.ledger.records import Fault
from jobforge.ledger.rows import answer_hash, attempt_hash, kept_hash
from jobforge.ledger.streams import pages, rows_of
from jobforge.ledger.texts import DROPPED, contents, find_known

__all__ = ["answers_of", "chain_faults", "faults", "row_faults"]

_ROWS_AT_ONCE = 500

_ORPHANS = select(tables.answer.c.cell_key).where(
    tables.answer.c.attempt_no.not_in(select(tables.attempt.c.attempt_no))
)


def faults(database: Database) -> Iterator[Fault]:
    """Yield what does not hold; the memory that it takes is bounded."""
    damaged = database.read(database.dialect.damage)
    orphans = database.read(partial(rows_of, query=_ORPHANS))
    yield from (Fault("file", database.shown, line) for line in damaged)
    yield from (Fault("answer", key, "its attempt is missing") for (key,) in orphans)
    yield from _text_faults(database)
    yield from reviews.faults(database)
    end = database.read(chain.read_end)
    before, last = chain.START, 0
    query = select(tables.attempt)
    for page in pages(database, query, tables.attempt.c.attempt_no, _ROWS_AT_ONCE):
        rows = [row._mapping for row in page]
        answers = answers_of(database, rows[0]["attempt_no"], rows[-1]["attempt_no"])
        texts = {row[n] for row in rows for n in TEXT_COLUMNS}
        asked = [row["parameters_text"] for row in rows]
        there = database.read(partial(find_known, hashes=texts))
        parameters = database.read(partial(contents, hashes=asked))
        for row in rows:
            for name in TEXT_COLUMNS:
                is_dropped = name == "user_text" and row["texts_dropped_at"] is not None
                if row[name] not in there and not is_dropped:
                    message = f"the {name} of attempt {row['attempt_id']} is missing"
                    yield Fault("text", row[name], message)
            asked_with = parameters.get(row["parameters_text"], "")
            yield from row_faults(row, answers.get(row["attempt_no"], ()), asked_with)
            yield from chain_faults(row, before)
            before, last = row["chain_hash"] or before, row["attempt_no"]
            if last == end.attempt_no and before != end.chain_hash:
                yield Fault("attempt", row["attempt_id"], "it is not the one that was last")
    if last < end.attempt_no:
        yield Fault("attempt", f"number {end.attempt_no}", "the last attempts were taken away")


def _text_faults(database: Database) -> Iterator[Fault]:
    last = ""
    while True:
        after = select(tables.text).where(tables.text.c.sha256 > last)
        page = database.read(
            partial(rows_of, query=after.order_by(tables.text.c.sha256).limit(_ROWS_AT_ONCE))
        )
        if not page:
            return
        for key, content in page:
            # Whether one may be dropped is seen at the attempts that have it.
            if content != DROPPED and text_hash(content) != key:
                yield Fault("text", key, "the text was changed after it was written")
        last = page[-1][0]


def answers_of(database: Database, first: int, last: int) -> dict[int, list[Mapping[str, Any]]]:
    """Return the answers of a range of attempts, by the attempt's number."""
    number = tables.answer.c.attempt_no
    query = select(tables.answer).where(number.between(first, last))
    ordered = query.order_by(number, tables.answer.c.answer_no)
    found: dict[int, list[Mapping[str, Any]]] = {}
    for row in database.read(partial(rows_of, query=ordered)):
        found.setdefault(row.attempt_no, []).append(dict(row._mapping))
    return found


def row_faults(
    attempt: Mapping[str, Any], answers: Sequence[Mapping[str, Any]], parameters: str
) -> Iterator[Fault]:
    """Yield what does not hold of one attempt, asked with these parameters, and its answers."""
    attempt_id = attempt["attempt_id"]
    derived = request_key(
        attempt["model_requested"],
        parameters,
        attempt["system_text"],
        attempt["user_text"],
        attempt["schema_text"],
    )
    if derived != attempt["request_key"]:
        yield Fault("attempt", attempt_id, "the request key is not what it is derived from")
    dropped = attempt["texts_dropped_at"] is not None
    derived, kept = (
        (kept_hash(attempt), attempt["kept_hash"])
        if dropped
        else (attempt_hash(attempt), attempt["row_hash"])
    )
    if derived != kept or (dropped and attempt["raw_reply"] is not None):
        yield Fault("attempt", attempt_id, "the row was changed after it was written")
    if attempt["settled_cells"] not in (None, len(answers)):
        missing = f"it has {len(answers)} of its {attempt['settled_cells']} answers"
        yield Fault("attempt", attempt_id, missing)
    for row in answers:
        yield from _answer_faults(row, attempt, parameters)


def chain_faults(attempt: Mapping[str, Any], before: str) -> Iterator[Fault]:
    """Yield what does not hold of an attempt's link; `before` is the link before it."""
    if attempt["chain_hash"] is None:
        yield Fault("attempt", attempt["attempt_id"], "it is not in the chain of attempts")
    elif attempt["chain_hash"] != chain.link(before, attempt["row_hash"]):
        message = "the chain is broken: an attempt before it was taken away, put in or changed"
        yield Fault("attempt", attempt["attempt_id"], message)


def _answer_faults(
    row: Mapping[str, Any], attempt: Mapping[str, Any], parameters: str
) -> Iterator[Fault]:
    at = f"{attempt['job_id']} {row['attribute_id']} of attempt {attempt['attempt_id']}"
    question = question_key(
        prompt_version=attempt["prompt_version"],
        instructions_hash=attempt["instructions_hash"],
        schema_version=attempt["schema_version"],
        attribute_digest=row["attribute_digest"],
        job_digest=attempt["job_digest"],
    )
    if question != row["question_key"]:
        yield Fault("answer", at, "the question key is not what it is derived from")
    if cell_key(question, attempt["model_requested"], parameters) != row["cell_key"]:
        yield Fault("answer", at, "the cell key is not what it is derived from")
    if answer_hash(row, attempt["row_hash"]) != row["row_hash"]:
        yield Fault("answer", at, "the row was changed after it was written")
