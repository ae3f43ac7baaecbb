"""Ledgers on SQLite and on PostgreSQL; most tests run on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jobforge.ledger import Ledger, open_ledger

from ledger.postgres import Server, binaries


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL server of the tests' own."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL's initdb is not installed (Debian: apt-get install postgresql)")
    pytest.importorskip("psycopg", reason="the driver is not installed: jobforge[postgres]")
    server = Server(programs)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def new_postgres_url(postgres_server: Server) -> str:
    """The URL of an empty database."""
    return postgres_server.new_database()


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
