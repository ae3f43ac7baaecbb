"""The ledger: every attempt that was made and every answer that was paid for, kept for ever.

It is outside the warehouse, append-only, and the same on SQLite and PostgreSQL. SQLAlchemy is
loaded when a ledger is opened, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobforge.ledger.errors import (
    LedgerBusyError,
    LedgerCorruptError,
    LedgerError,
    LedgerFullError,
    LedgerOutdatedError,
    NoLedgerError,
    SecretFoundError,
)
from jobforge.ledger.location import Location, ledger_of
from jobforge.ledger.records import (
    Answer,
    AnsweredReply,
    AskedCell,
    AskedRequest,
    AttemptRecord,
    Batch,
    BatchItem,
    BatchState,
    CellAnswer,
    Fault,
    HistoryPart,
    ImportReport,
    LedgerStats,
    Recording,
    Review,
    Source,
    Why,
)

if TYPE_CHECKING:
    from jobforge.ledger.store import Ledger

__all__ = [
    "Answer",
    "AnsweredReply",
    "AskedCell",
    "AskedRequest",
    "AttemptRecord",
    "Batch",
    "BatchItem",
    "BatchState",
    "CellAnswer",
    "Fault",
    "HistoryPart",
    "ImportReport",
    "Ledger",
    "LedgerBusyError",
    "LedgerCorruptError",
    "LedgerError",
    "LedgerFullError",
    "LedgerOutdatedError",
    "LedgerStats",
    "NoLedgerError",
    "Recording",
    "Review",
    "SecretFoundError",
    "Source",
    "Why",
    "existing_ledger",
    "ledger_of",
    "open_ledger",
]


def open_ledger(
    url: str | None = None,
    *,
    read_only: bool = False,
    wait_seconds: float = 10.0,
    patience_seconds: float | None = None,
) -> Ledger:
    """Open the ledger, made or brought to the current schema where that is needed.

    url: a path, `sqlite:///path` or `postgresql://user@host/database`; without one the
        environment's JOBFORGE_LEDGER, or else `ledger/jobforge.sqlite`.
    read_only: nothing is made or changed; other processes may write meanwhile.
    wait_seconds: how long to wait for another program's lock.
    patience_seconds: how long to wait once it is open, for a lock or for a server that is away;
        without it six times as long as for a lock.

    Raises LedgerError, before anything is asked of a model, where the ledger must not be there,
    cannot be read or written, is damaged or locked, or has no room.
    """
    from jobforge.ledger.store import Ledger

    return Ledger(
        Location.of(url),
        read_only=read_only,
        wait_seconds=wait_seconds,
        patience_seconds=patience_seconds,
    )


def existing_ledger(url: str | None = None) -> Ledger | None:
    """Open the ledger for reading, or return None where none was begun yet.

    One with an older schema is brought on. Raises LedgerError where there is one that cannot be
    read.
    """
    location = Location.of(url)
    if location.path is not None and not location.path.exists():
        return None
    try:
        return open_ledger(url, read_only=True)
    except NoLedgerError:
        return None
    except LedgerOutdatedError:
        open_ledger(url).close()
        return open_ledger(url, read_only=True)


def __getattr__(name: str) -> object:
    if name == "Ledger":
        from jobforge.ledger.store import Ledger

        return Ledger
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
