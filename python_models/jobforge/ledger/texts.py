"""Texts, each stored once under its hash, and the lists of keys that a statement can take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, bindparam, or_, select

from jobforge.ledger import chain
from jobforge.ledger.dialects import Dialect
from jobforge.ledger.errors import missing
from jobforge.ledger.hashes import text_hash
from jobforge.ledger.tables import text

__all__ = ["DROPPED", "add_texts", "chunks", "contents", "fetch", "find_known"]

# Old builds of SQLite take 999 parameters in a statement.
_CHUNK = 900

T = TypeVar("T")

# What stands in the place of a text that was dropped; an empty text has a hash of its own.
DROPPED = ""
_EMPTY = text_hash("")

_WANTED = text.c.sha256.in_(bindparam("keys", expanding=True))
_KNOWN = select(text.c.sha256).where(
    _WANTED, or_(text.c.content != DROPPED, text.c.sha256 == _EMPTY)
)
_CONTENTS = select(text.c.sha256, text.c.content).where(_WANTED)


def chunks(items: Iterable[T], size: int = _CHUNK) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def add_texts(connection: Connection, dialect: Dialect, texts: Mapping[str, str]) -> None:
    """Add the texts that are not there yet, in one order for all processes.

    What is there stays until the transaction ends: nobody drops it meanwhile.
    """
    chain.hold(connection)
    new = sorted(texts.keys() - find_known(connection, texts))
    rows = [{"sha256": key, "content": texts[key]} for key in new]
    if rows:
        added = dialect.insert(text)
        # One that was dropped is there again with the request that is made again.
        again = {"content": added.excluded.content}
        connection.execute(added.on_conflict_do_update(index_elements=["sha256"], set_=again), rows)


def find_known(connection: Connection, hashes: Iterable[str]) -> set[str]:
    """Return those of the hashes whose texts are there and were not dropped."""
    found: set[str] = set()
    for chunk in chunks(hashes):
        found.update(connection.execute(_KNOWN, {"keys": chunk}).scalars())
    return found


def contents(connection: Connection, hashes: Iterable[str]) -> dict[str, str]:
    """Return the texts that are there, by hash."""
    found: dict[str, str] = {}
    for chunk in chunks(sorted(set(hashes))):
        rows = connection.execute(_CONTENTS, {"keys": chunk})
        found.update((row[0], row[1]) for row in rows)
    return found


def fetch(connection: Connection, hashes: Iterable[str]) -> dict[str, str]:
    """Return the texts by hash; raises LedgerCorruptError where one is missing."""
    wanted = set(hashes)
    found = contents(connection, wanted)
    if len(found) < len(wanted):
        raise missing("a text")
    return found
