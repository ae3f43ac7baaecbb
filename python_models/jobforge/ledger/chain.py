"""The chain of attempts: each commits to all that came before it on its ledger.

A link is the hash of the link before it and of its own row, so an attempt that is taken out, put in
or moved breaks the next one's link; the last link is kept apart, so that those at the end cannot go
unnoticed either. The chain is a ledger's own and no part of a row's hash: an attempt that moves to
another ledger takes its place in the chain there.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, Select, bindparam, insert, select, update

from jobforge.ledger.errors import missing
from jobforge.ledger.hashes import digest
from jobforge.ledger.tables import attempt, chain_end

__all__ = ["START", "End", "begin", "extend", "hold", "link", "read_end"]

START = ""
_ROWS_AT_ONCE = 10_000

_END = select(chain_end.c.attempt_no, chain_end.c.chain_hash)
_LINK = (
    update(attempt)
    .where(attempt.c.attempt_no == bindparam("number"))
    .values(chain_hash=bindparam("link"))
)


class End(NamedTuple):
    """The last attempt's number, 0 before the first, and its link."""

    attempt_no: int
    chain_hash: str


def link(before: str, row_hash: str) -> str:
    """Return the link of the attempt with this row hash; `before` is the link before it."""
    return digest("chain", before, row_hash)


def extend(before: str, row_hashes: list[str]) -> list[str]:
    """Return the links of attempts that follow each other after `before`."""
    links = []
    for row_hash in row_hashes:
        before = link(before, row_hash)
        links.append(before)
    return links


def hold(connection: Connection) -> End:
    """Return the end of the chain, and let nobody else add to it until the transaction ends."""
    return _end(connection, _END.with_for_update())


def read_end(connection: Connection) -> End:
    """Return the end of the chain."""
    return _end(connection, _END)


def _end(connection: Connection, query: Select[tuple[int, str]]) -> End:
    row = connection.execute(query).first()
    if row is None:
        raise missing("the end of the chain of attempts")
    return End(row.attempt_no, row.chain_hash)


def begin(connection: Connection) -> None:
    """Chain the attempts of a ledger that had no chain, in the order of their numbers."""
    end = End(0, START)
    while True:
        after = select(attempt.c.attempt_no, attempt.c.row_hash)
        after = after.where(attempt.c.attempt_no > end.attempt_no)
        ordered = after.order_by(attempt.c.attempt_no).limit(_ROWS_AT_ONCE)
        rows = connection.execute(ordered).all()
        if not rows:
            break
        links = extend(end.chain_hash, [row.row_hash for row in rows])
        numbers = [row.attempt_no for row in rows]
        connection.execute(
            _LINK, [{"number": n, "link": one} for n, one in zip(numbers, links, strict=True)]
        )
        end = End(numbers[-1], links[-1])
    connection.execute(insert(chain_end), end._asdict())
