"""No test reaches the network."""

from __future__ import annotations

import os
import socket

import pytest


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("example.org", 443)])
def test_a_connection_elsewhere_is_refused(address: tuple[str, int]) -> None:
    """A connection that leaves this machine raises, whichever way it is made."""
    with socket.socket() as sock:
        with pytest.raises(RuntimeError, match="stay on this machine"):
            sock.connect(address)
        with pytest.raises(RuntimeError, match="stay on this machine"):
            sock.connect_ex(address)


def test_loopback_is_open() -> None:
    """A server on this machine can be reached."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as sock:
        sock.connect(server.getsockname())


def test_no_key_is_visible() -> None:
    """No OPENAI_ variable of the developer's reaches a test."""
    assert [name for name in os.environ if name.startswith("OPENAI_")] == []
