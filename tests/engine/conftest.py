"""Every test has a ledger of its own, and waits that suit a test."""

from __future__ import annotations

import pytest

from engine.claims import ClaimsClock


@pytest.fixture(autouse=True)
def environment(ledger_file: object, quick: object) -> None:
    """A ledger that is not made yet, and a server's pace that need not be learnt."""


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are settled and claimed a few at a time, so that a small run has many chunks."""
    monkeypatch.setattr("jobforge.pipeline._REQUESTS_PER_CHUNK", 8)


@pytest.fixture
def claims_clock(monkeypatch: pytest.MonkeyPatch) -> ClaimsClock:
    """The clock of the claims, moved by the test."""
    return ClaimsClock(monkeypatch)
