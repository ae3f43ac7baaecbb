"""What goes wrong with a ledger, below the root of JobForge's error tree.

    JobForgeError
    └── LedgerError              the ledger cannot be used; the message says what to do
        ├── LedgerBusyError      another program held it for too long
        ├── LedgerFullError      no room is left on its disk
        ├── LedgerCorruptError   its file is damaged, or is no ledger
        ├── LedgerOutdatedError  its schema is older than this code's
        ├── NoLedgerError        none was begun there yet
        └── SecretFoundError     a prompt holds a key, which is never stored  (also a ValueError)

No message shows a password.
"""

from __future__ import annotations

from jobforge.errors import JobForgeError

__all__ = [
    "LedgerBusyError",
    "LedgerCorruptError",
    "LedgerError",
    "LedgerFullError",
    "LedgerOutdatedError",
    "NoLedgerError",
    "SecretFoundError",
    "missing",
]


class LedgerError(JobForgeError):
    """The ledger cannot be used; the message names it and says what to do."""


class LedgerBusyError(LedgerError):
    """Another program held the ledger for too long."""


class LedgerFullError(LedgerError):
    """No room is left where the ledger is."""


class LedgerCorruptError(LedgerError):
    """The ledger's file is damaged, or is not a ledger."""


class LedgerOutdatedError(LedgerError):
    """The ledger's schema is older than this code's, and it was opened for reading only."""


class NoLedgerError(LedgerError):
    """No ledger was begun there yet, and it was opened for reading only."""


class SecretFoundError(LedgerError, ValueError):
    """A prompt holds what looks like a key; the message names the part, never the key."""


def missing(what: str) -> LedgerCorruptError:
    """Return the error for a row that others refer to and that is not there."""
    return LedgerCorruptError(
        f"{what} is missing in the ledger: `jobforge ledger verify` names what it belongs to,"
        " restore it from a backup"
    )
