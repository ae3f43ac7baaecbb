"""The claims of a run: whose cells are its own to ask, for as long as it lives.

Claims that were not renewed in time may have become another run's: a laptop slept, the ledger was
out of reach. Whoever claimed before such a lapse has to claim again before the next request.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from jobforge.answers.known import AskAgain, Settled
from jobforge.ledger import LedgerError
from jobforge.ledger.clock import steady_seconds

if TYPE_CHECKING:
    from jobforge.ledger import Ledger

__all__ = ["Claims"]

# A run that died gives its cells up after so long; the settings' wait for others is longer.
_CLAIM = timedelta(seconds=60)
_RENEW_SECONDS = 15.0


class Claims:
    """Claims in the ledger, kept alive from the first one on; a context manager that ends them."""

    def __init__(self, ledger: Ledger, run_id: str, again: AskAgain) -> None:
        self._ledger = ledger
        self._run_id = run_id
        self._again = again
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._renewed = _now()
        self._lapses = 0

    def __enter__(self) -> Claims:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._ended.set()
            self._thread.join()
            self._ledger.release(self._run_id)

    def take(self, asked: Iterable[Settled]) -> set[str]:
        """Return the keys of the open cells that are now this run's own."""
        cells = {
            one.keyed.cells[name].cell_key: one.keyed.cells[name].evidence_hash
            for one in asked
            for name in one.open_ids
        }
        self._keep_alive()
        return self._ledger.claim(
            cells,
            self._run_id,
            _CLAIM,
            evidence=cells if self._again.stale else None,
            refused_before=self._again.refused_before,
        )

    def lapses(self) -> int:
        """Return how often claims were not renewed in time so far."""
        with self._lock:
            if _now() - self._renewed > _CLAIM.total_seconds():
                self._lapses += 1
            return self._lapses

    def take_key(self, key: str) -> bool:
        """Claim a key that is no cell's; return whether it is this run's own now."""
        self._keep_alive()
        return bool(self._ledger.claim([key], self._run_id, _CLAIM))

    def give_up(self, keys: Iterable[str]) -> None:
        """End the claims on these keys."""
        self._ledger.release(self._run_id, keys)

    def _keep_alive(self) -> None:
        if self._thread is None:
            self._renewed = _now()
            self._thread = threading.Thread(target=self._renew, name="jobforge-claims", daemon=True)
            self._thread.start()

    def _renew(self) -> None:
        while not self._ended.wait(_RENEW_SECONDS):
            begun = _now()
            self.lapses()
            try:
                is_ours = self._ledger.renew(self._run_id)
            except LedgerError:
                # Claims outlive a few failures; a ledger that stays broken fails what is recorded.
                continue
            with self._lock:
                self._renewed = begun
                # Somebody saw no sign of this run for too long, and asks its cells.
                self._lapses += not is_ours


def _now() -> float:
    return steady_seconds()
