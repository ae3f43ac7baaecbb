"""A request is made once: what was checked for secrets is what is priced and sent."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from jobforge.requests import forms
from support.builders import IDS, jobs, request
from support.loopback_server import LoopbackServer

from engine.runs import Runs


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each message was rendered."""
    counts: Counter[str] = Counter()

    def counted(name: str) -> Any:
        render = getattr(forms, name)

        def count(*given: Any) -> str:
            counts[name] += 1
            return str(render(*given))

        return count

    for name in ("pack_message", "job_message"):
        monkeypatch.setattr(forms, name, counted(name))
    return counts


@pytest.mark.parametrize("mode", ["live", "batch", "plan"])
def test_both_messages_are_rendered_once_for_each_request(
    mode: str, live_server: LoopbackServer, made: Counter[str]
) -> None:
    """A job's message once a request, and the system message once a pack."""
    Runs(live_server)(*jobs(20), settings={"mode": mode})
    assert made == {"job_message": 20, "pack_message": 1}


def test_what_is_asked_again_is_another_request(
    live_server: LoopbackServer, made: Counter[str]
) -> None:
    """Each half of a truncated request is made once, too."""
    live_server.script("truncated")
    Runs(live_server)(request(attribute_ids=IDS[:2]))
    assert live_server.count == 3
    assert made == {"job_message": 3, "pack_message": 1}
