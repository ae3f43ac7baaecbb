"""The clock by which claims end, moved by a test; and claims of the dead, ended by hand."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import pytest
from jobforge.answers import claims
from jobforge.ledger import LedgerBusyError, open_ledger
from jobforge.ledger import claims as ledger_claims
from jobforge.ledger.store import Ledger
from jobforge.ledger.tables import claimant
from sqlalchemy import delete
from support.waiting import HANG_SECONDS, Clock

__all__ = ["ClaimsClock", "expire_claims"]


class ClaimsClock:
    """The clock of the ledger and of its runs' claims, which stands still but for the test.

    fails: how many renewals are to fail from now on.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = Clock(1e6)
        self.fails = 0
        self._renewals = 0
        self._renewed = threading.Condition()
        monkeypatch.setattr(claims, "_RENEW_SECONDS", 0.01)
        monkeypatch.setattr(claims, "_now", self.clock)
        monkeypatch.setattr(ledger_claims, "_now", self.clock)
        monkeypatch.setattr(Ledger, "renew", self._noted(Ledger.renew))

    def pass_claims(self, times: int) -> None:
        """Let pass as much time as so many claims last, as often renewed as in a real run."""
        step = claims._CLAIM.total_seconds() / 4
        for _ in range(4 * times):
            with self._renewed:
                # One may be under way that looked at the clock before; the next one did after.
                wanted = self._renewals + 2
                assert self._renewed.wait_for(lambda: self._renewals >= wanted, HANG_SECONDS)  # noqa: B023
            self.clock.now += step

    def _noted(self, renew: Callable[[Ledger, str], bool]) -> object:
        def noted(ledger: Ledger, run_id: str) -> bool:
            try:
                if self.fails:
                    self.fails -= 1
                    raise LedgerBusyError("another program kept the ledger locked")
                return renew(ledger, run_id)
            finally:
                with self._renewed:
                    self._renewals += 1
                    self._renewed.notify_all()

        return noted


def expire_claims() -> None:
    """End every claim in the ledger that the environment names, as their time would."""
    with open_ledger(os.environ["JOBFORGE_LEDGER"]) as ledger:
        assert isinstance(ledger, Ledger)
        ledger._database.write(lambda connection: connection.execute(delete(claimant)))
