"""What goes wrong with a ledger, below the root of JobForge's error tree.

    JobForgeError
    └── LedgerError              the ledger cannot be used; the message says what to do
        ├── LedgerBusyError      another program held it for too long
        ├── LedgerFullError      no room is left on its disk
        ├── LedgerCorruptError   its file is damaged, or is no ledger
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
    "SecretFoundError",
]


class LedgerError(JobForgeError):
    """The ledger cannot be used; the message names it and says what to do."""


class LedgerBusyError(LedgerError):
    """Another program held the ledger for too long."""


class LedgerFullError(LedgerError):
    """No room is left where the ledger is."""


class LedgerCorruptError(LedgerError):
    """The ledger's file is damaged, or is not a ledger."""


class SecretFoundError(LedgerError, ValueError):
    """A prompt holds what looks like a key; the message names the part, never the key."""
