"""No test reaches the network or sees a key.

The off-switch is thrown when this file is read: in this process every connection that does not
stay on this machine is refused, and programs that a test starts find a dead proxy instead of a
way out. The package registry is open to those tests only that ask for `registry_access`.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from jobforge.limiter import RateLimiter
from jobforge.live.retries import RetryPolicy
from support.loopback_server import LoopbackServer
from support.postgres import Server as PostgresServer
from support.postgres import binaries

# How long an example takes is the machine's business.
settings.register_profile("jobforge", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("jobforge")

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
_HERE = ("NO_PROXY", "no_proxy")
_BEFORE = {name: os.environ.get(name) for name in (*_PROXIES, *_HERE)}
_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex


class NetworkRefused(RuntimeError):
    """A test tried to leave this machine."""


def _refuse_others(sock: socket.socket, address: object) -> None:
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or not isinstance(address, tuple):
        return
    host = str(address[0])
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if not local:
        raise NetworkRefused(f"a test tried to connect to {host}: tests stay on this machine")


def _guarded_connect(sock: socket.socket, address: object) -> None:
    _refuse_others(sock, address)
    _connect(sock, address)  # type: ignore[arg-type]


def _guarded_connect_ex(sock: socket.socket, address: object) -> int:
    _refuse_others(sock, address)
    return _connect_ex(sock, address)  # type: ignore[arg-type]


socket.socket.connect = _guarded_connect  # type: ignore[method-assign,assignment]
socket.socket.connect_ex = _guarded_connect_ex  # type: ignore[method-assign,assignment]
os.environ.update(dict.fromkeys(_PROXIES, "http://127.0.0.1:9"))
os.environ.update(dict.fromkeys(_HERE, "127.0.0.1,localhost,::1"))


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every OPENAI_ variable out of the environment."""
    for name in list(os.environ):
        if name.startswith("OPENAI_"):
            monkeypatch.delenv(name)


@pytest.fixture
def ledger_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for the test's own ledger; nothing is there yet."""
    path = tmp_path / "ledger.sqlite"
    monkeypatch.setenv("JOBFORGE_LEDGER", str(path))
    return path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between tries and a pace of sending that suit a test; what is counted stays."""
    policy = partial(RetryPolicy, first_wait=0.001, longest_wait=0.01)
    limiter = partial(RateLimiter, start_rate=1e4)
    monkeypatch.setattr("jobforge.live.executor.RetryPolicy", policy)
    monkeypatch.setattr("jobforge.live.asker.RateLimiter", limiter)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of the tests' own."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL's initdb is not installed (Debian: apt-get install postgresql)")
    pytest.importorskip("psycopg", reason="the driver is not installed: jobforge[postgres]")
    server = PostgresServer(programs)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def new_postgres_url(postgres_server: PostgresServer) -> str:
    """The URL of an empty database."""
    return postgres_server.new_database()


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    """A server that speaks the chat completions protocol; no variable points at it yet."""
    with LoopbackServer() as server:
        yield server


@pytest.fixture
def live_server(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> LoopbackServer:
    """The same server, with the environment pointing at it."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
    return server


@pytest.fixture(scope="session")
def registry_access() -> Iterator[None]:
    """Let programs that the test starts reach the package registry."""
    closed = {name: os.environ[name] for name in _BEFORE}
    for name, value in _BEFORE.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
    yield
    os.environ.update(closed)
