"""The claims of a run: whose cells are its own to ask, for as long as it lives."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import timedelta

from jobforge.ledger import Ledger, LedgerError
from jobforge.settings import Settings
from jobforge.settling import Settled

__all__ = ["Claims"]

# A run that died gives its cells up after so long; the settings' wait for others is longer.
_CLAIM = timedelta(seconds=60)
_RENEW_SECONDS = 15.0


class Claims:
    """Claims in the ledger, kept alive from the first one on; a context manager that ends them."""

    def __init__(self, ledger: Ledger, run_id: str, settings: Settings) -> None:
        self._ledger = ledger
        self._run_id = run_id
        self._settings = settings
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

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
            evidence=cells if self._settings.reask_stale else None,
            refused_again=self._settings.reask_refused,
        )

    def take_key(self, key: str) -> bool:
        """Claim a key that is no cell's; return whether it is this run's own now."""
        self._keep_alive()
        return bool(self._ledger.claim([key], self._run_id, _CLAIM))

    def give_up(self, keys: Iterable[str]) -> None:
        """End the claims on these keys."""
        self._ledger.release(self._run_id, keys)

    def _keep_alive(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._renew, name="jobforge-claims", daemon=True)
            self._thread.start()

    def _renew(self) -> None:
        while not self._ended.wait(_RENEW_SECONDS):
            try:
                self._ledger.renew(self._run_id, _CLAIM)
            except LedgerError:
                # Claims outlive a few failures; a ledger that stays broken fails what is recorded.
                continue
