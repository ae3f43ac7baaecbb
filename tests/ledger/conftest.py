"""Ledgers on SQLite and on PostgreSQL; most tests run on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jobforge.ledger import Ledger, open_ledger
from support.postgres import Server


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes URLs of places where there is no ledger yet."""
    made: list[str] = []

    def make() -> str:
        made.append("")
        if request.param == "sqlite":
            return str(tmp_path / f"ledger_{len(made)}.sqlite")
        server: Server = request.getfixturevalue("postgres_server")
        return server.new_database()

    return make


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    """The place of a ledger that is not made yet."""
    return new_url()


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """An empty ledger."""
    with open_ledger(url) as ledger:
        yield ledger
