"""What is in the ledger: answers by key and which of several counts, a cell's story, figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, bindparam, func, select

from jobforge.ledger.database import Database
from jobforge.ledger.errors import missing
from jobforge.ledger.migrations import version_of
from jobforge.ledger.records import Answer, LedgerStats, Source, Why
from jobforge.ledger.rows import from_micros
from jobforge.ledger.tables import answer, attempt, batch, claim, claimant, pending_cell
from jobforge.ledger.texts import chunks, fetch

__all__ = ["find", "find_failed", "has_schema_version", "stats", "why"]

# In the order of the fields of Answer and of Source.
_ANSWER = (
    answer.c.cell_key,
    answer.c.question_key,
    answer.c.evidence_hash,
    answer.c.attribute_id,
    answer.c.outcome,
    answer.c.value,
    answer.c.confidence,
    answer.c.rationale,
    answer.c.row_hash,
    answer.c.attempt_no,
)
_PLACE = {"cell_key": 0, "question_key": 1}
_EVIDENCE, _OUTCOME, _HASH, _NUMBER = 2, 4, 8, 9
_SOURCE = (
    attempt.c.attempt_id,
    attempt.c.run_id,
    attempt.c.job_id,
    attempt.c.pack_id,
    attempt.c.model_requested,
    attempt.c.model_returned,
    attempt.c.prompt_version,
    attempt.c.schema_version,
    attempt.c.request_id,
    attempt.c.reason,
    attempt.c.received_at,
)
# In the order of the fields of Why, after its answer.
_SAID = (
    attempt.c.mode,
    attempt.c.status,
    attempt.c.parameters_text,
    attempt.c.system_text,
    attempt.c.user_text,
    attempt.c.schema_text,
    attempt.c.raw_reply,
    attempt.c.prompt_tokens,
    attempt.c.cached_tokens,
    attempt.c.completion_tokens,
    attempt.c.cost_usd,
    attempt.c.latency_ms,
    attempt.c.sent_at,
    attempt.c.texts_dropped_at,
)
_TEXTS = slice(2, 6)
_FIRST_SAID = len(_ANSWER) + len(_SOURCE)

_BY_KEY: dict[str, Select[Any]] = {
    name: select(*_ANSWER).where(answer.c[name].in_(bindparam("keys", expanding=True)))
    for name in _PLACE
}
# Half of what a statement takes: there are as many jobs as keys.
_AT_ONCE = 450
# The model worked for these, and nothing came of it that was asked for.
_FRUITLESS = ("answered", "empty", "unreadable", "truncated", "unbegun")
_FAILED = (
    select(
        attempt.c.request_key,
        attempt.c.status,
        func.count(attempt.c.run_id.distinct()),
        func.max(attempt.c.completion_tokens),
    )
    .where(
        attempt.c.job_id.in_(bindparam("jobs", expanding=True)),
        attempt.c.request_key.in_(bindparam("keys", expanding=True)),
        attempt.c.status.in_(_FRUITLESS),
    )
    .group_by(attempt.c.request_key, attempt.c.status)
)
_SOURCES = select(attempt.c.attempt_no, *_SOURCE).where(
    attempt.c.attempt_no.in_(bindparam("numbers", expanding=True))
)


def find(
    database: Database, column: str, keys: Iterable[str], evidence: Mapping[str, str]
) -> dict[str, Answer]:
    """Return the answer that counts of each key of that column."""
    wanted = list(dict.fromkeys(keys))
    place = _PLACE[column]

    def look(connection: Connection) -> dict[str, Answer]:
        found: dict[str, Answer] = {}
        # A source is fetched once, not once for each of its answers.
        sources: dict[int, Source] = {}
        for chunk in chunks(wanted):
            rows = connection.execute(_BY_KEY[column], {"keys": chunk}).all()
            _add_sources(connection, {row[_NUMBER] for row in rows} - sources.keys(), sources)
            several: dict[str, list[Sequence[Any]]] = {}
            for row in rows:
                several.setdefault(row[place], []).append(row)
            for key, same in several.items():
                found[key] = _that_counts(same, sources, evidence.get(key))
        return found

    return database.read(look)


def find_failed(
    database: Database, jobs: Mapping[str, str], runs: int
) -> dict[str, tuple[str, int | None]]:
    """Return how requests ended, by key, that ended so in as many runs at least, at what length.

    jobs: the requests, each with its job. Their cells have no answer. The length is the most tokens
    that a reply had, None where no server said.
    """

    def look(connection: Connection) -> dict[str, tuple[str, int | None]]:
        found: dict[str, tuple[str, int | None]] = {}
        for keys in chunks(jobs, _AT_ONCE):
            given = {"keys": keys, "jobs": sorted({jobs[key] for key in keys})}
            rows: Sequence[Any] = connection.execute(_FAILED, given).all()
            found |= {key: (status, most) for key, status, count, most in rows if count >= runs}
        return found

    return database.read(look)


def has_schema_version(database: Database, version: str) -> bool:
    """Say whether anything was ever asked under that version of the schema."""
    query = select(attempt.c.attempt_no).where(attempt.c.schema_version == version).limit(1)
    return database.read(lambda connection: connection.execute(query).first() is not None)


def _add_sources(connection: Connection, numbers: set[int], sources: dict[int, Source]) -> None:
    for chunk in chunks(sorted(numbers)):
        for row in connection.execute(_SOURCES, {"numbers": chunk}).all():
            sources[row[0]] = _source(row[1:])
    if not numbers <= sources.keys():
        raise missing("an answer's attempt")


def _source(row: Sequence[Any]) -> Source:
    fields = [*row[:-1], from_micros(row[-1])]
    return Source(*fields)


def _that_counts(
    rows: list[Sequence[Any]], sources: Mapping[int, Source], evidence: str | None
) -> Answer:
    best = rows[0]
    if len(rows) > 1:
        # The hash breaks ties in the same way on every machine.
        best = max(
            rows,
            key=lambda row: (
                row[_OUTCOME] == "answered",
                row[_EVIDENCE] == evidence,
                sources[row[_NUMBER]].answered_at,
                row[_HASH],
            ),
        )
    source = sources[best[_NUMBER]]
    if evidence is None or best[_EVIDENCE] == evidence:
        return _answer(best, source)
    # An answer on this evidence would be the best one, so what else there is declined.
    declined = [sources[row[_NUMBER]].answered_at for row in rows if row[_EVIDENCE] == evidence]
    return _answer(best, source, stale=True, declined_at=max(declined, default=None))


def _answer(
    row: Sequence[Any],
    source: Source,
    stale: bool = False,
    declined_at: datetime | None = None,
) -> Answer:
    fields = [*row[:_NUMBER], source, stale, declined_at]
    return Answer(*fields)


def why(database: Database, job_id: str, attribute_id: str) -> list[Why]:
    """Return a cell's answers with all that was said, the latest first."""
    query = (
        select(*_ANSWER, *_SOURCE, *_SAID)
        .join_from(answer, attempt)
        .where(attempt.c.job_id == job_id, answer.c.attribute_id == attribute_id)
        .order_by(attempt.c.received_at.desc(), answer.c.row_hash)
    )

    def look(connection: Connection) -> list[Why]:
        rows = connection.execute(query).all()
        hashes = (key for row in rows for key in row[_FIRST_SAID:][_TEXTS])
        texts = fetch(connection, hashes)
        return [_why(row, texts) for row in rows]

    return database.read(look)


def _why(row: Sequence[Any], texts: Mapping[str, str]) -> Why:
    source = _source(row[len(_ANSWER) : _FIRST_SAID])
    said = list(row[_FIRST_SAID:])
    said[_TEXTS] = [texts[key] for key in said[_TEXTS]]
    sent_at, dropped_at = said[-2:]
    said[-2:] = from_micros(sent_at), None if dropped_at is None else from_micros(dropped_at)
    fields = [_answer(row, source), *said]
    return Why(*fields)


def stats(database: Database) -> LedgerStats:
    """Count everything, in one state of the ledger."""
    dialect = database.dialect

    def look(connection: Connection) -> LedgerStats:
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
            claims=_count(connection, claim, claim.c.run_id.in_(select(claimant.c.run_id))),
            open_batches=_count(connection, batch, batch.c.finished_at.is_(None)),
            pending_cells=_count(connection, pending_cell),
        )

    return database.read(look)


def _count(connection: Connection, table: Table, *where: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(table).where(*where)
    return int(connection.execute(query).scalar_one())


def _total(connection: Connection, name: str) -> Any:
    return _one(connection, func.sum(attempt.c[name])) or 0


def _one(connection: Connection, figure: ColumnElement[Any]) -> Any:
    return connection.execute(select(figure)).scalar_one()
