"""What the sender, the collector and the asker of a run know together: one object that all hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from jobforge.answers.outcomes import CellOutcome
from jobforge.ledger.hashes import digest
from jobforge.reasons import Reason

__all__ = ["BatchRun", "batch_key"]


def batch_key(local_id: str) -> str:
    """Return what a run claims while it deals with a batch."""
    return digest("batch", local_id)


@dataclass(slots=True, kw_only=True)
class BatchRun:
    """How a run with batches stands.

    fewer: of a cell that came to nothing, with how many it may be asked together now.
    given_up: cells that this run does not ask again, and why.
    waiting: batches that have not ended: requests done, and in all, as far as that is known.
    awaited: batches in which cells of this run wait.
    closed: why nothing more is sent, or None. fatal: the same, where it is a fault and no cap.
    held_back: why something was not sent that may be sent later.
    """

    say: Callable[[str], None]
    fewer: dict[str, int] = field(default_factory=dict)
    given_up: dict[str, CellOutcome] = field(default_factory=dict)
    waiting: dict[str, tuple[int, int]] = field(default_factory=dict)
    awaited: set[str] = field(default_factory=set)
    closed: Reason | None = None
    fatal: Reason | None = None
    held_back: Reason | None = None

    def close(self, reason: Reason) -> None:
        """Send nothing more."""
        if self.closed is None:
            self.closed = reason
            self.say(f"LLM: no further batch is sent: {reason}")

    def fail(self, reason: Reason) -> None:
        """Note a fault that every batch would meet."""
        self.fatal = reason

    def hold_back(self, reason: Reason) -> None:
        """Note that something was not sent that may be sent later."""
        self.held_back = reason

    def is_awaited(self) -> bool:
        """Say whether a batch has not ended in which cells of this run wait."""
        return not self.awaited.isdisjoint(self.waiting)
