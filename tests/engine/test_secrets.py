"""The key is nowhere but in the request's header."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jobforge.errors import FatalRunError
from jobforge.requests.inputs import Pack
from support.builders import ATTRIBUTES, IDS, PACK, READING, jobs
from support.loopback_server import LoopbackServer, instance_of

from engine.runs import IN_TURN, Runs, check_ledger, codes, ledger_attempts, outcomes, values

KEY = "sk-test-0123456789abcdef"
OTHER = "sk-proj-Zx81kq0TTe4b7aQ2mN9s"


@pytest.fixture
def runs(live_server: LoopbackServer) -> Runs:
    """Runs with the key KEY, one request after the other."""
    return Runs(live_server, IN_TURN)


def _ledger_bytes(ledger_file: Path) -> bytes:
    return b"".join(path.read_bytes() for path in ledger_file.parent.glob("ledger.sqlite*"))


def telling(secret: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A model that says the secret in one of its answers, and why."""

    def tell(body: dict[str, Any]) -> dict[str, Any]:
        schema = body["response_format"]["json_schema"]["schema"]
        answer: dict[str, Any] = instance_of(schema, "seed")
        answer["tools"] = {"rationale": f"the key is {secret}", "value": secret, "confidence": 50}
        return answer

    return tell


@pytest.mark.parametrize("on_fatal", ["warn", "fail"])
def test_a_server_that_echoes_the_key(runs: Runs, ledger_file: Path, on_fatal: str) -> None:
    """Errors that repeat the key leave it neither in rows, lines and errors nor in the ledger."""
    said: list[str] = []
    runs.server.script("ok", *["503=0.01"] * 5, "401_echo")
    try:
        settings = {"on_fatal": on_fatal}
        said.append(str(runs(*jobs(4), settings=settings, log=said.append)))
    except FatalRunError as error:
        said.append(str(error))
    assert all(asked.has_key for asked in runs.asked)
    assert len(ledger_attempts()) == 7
    assert "[redacted]" in said[-1]
    assert KEY not in str(said)
    kept = _ledger_bytes(ledger_file)
    assert b"[redacted]" in kept
    assert KEY.encode() not in kept
    check_ledger()


def test_a_model_that_says_the_key(runs: Runs, ledger_file: Path) -> None:
    """A key in an answer is blotted out of the answer, which is kept otherwise."""
    runs.server.answer = telling(KEY)
    rows = runs(*jobs(1))
    assert outcomes(rows) == {"answered": len(IDS)}
    assert KEY not in str(rows) + str(runs(*jobs(1)))
    assert KEY.encode() not in _ledger_bytes(ledger_file)


def test_what_looks_like_a_key_is_blotted_out_at_once(runs: Runs) -> None:
    """The run that receives such an answer shows what later runs read from the ledger."""
    runs.server.answer = telling(OTHER)
    rows = runs(*jobs(1))
    assert OTHER not in str(rows)
    assert values(rows) == values(runs(*jobs(1)))


def test_data_with_a_key_is_not_sent(runs: Runs, ledger_file: Path) -> None:
    """A job whose text holds what looks like a key fails by itself, unsent; the others go on."""
    asked = jobs(3)
    asked[1] = replace(asked[1], job=replace(asked[1].job, title=f"Keeper of {OTHER}"))
    rows = runs(*asked)
    assert outcomes(rows) == {"answered": 2 * len(IDS), "failed": len(IDS)}
    assert {row["job_id"] for row in rows if row["outcome"] == "failed"} == {"j2"}
    assert all("looks like" in row["reason"] for row in rows if row["reason"])
    assert codes(rows) == {"secret_in_prompt"}
    assert OTHER not in str([one.body for one in runs.asked]) + str([r["reason"] for r in rows])
    assert OTHER.encode() not in _ledger_bytes(ledger_file)
    check_ledger()


def test_a_definition_with_a_key_is_not_sent(runs: Runs) -> None:
    """Nor is a pack sent whose definitions hold one."""
    spoiled = replace(READING, description=f"Reads {OTHER}.")
    rows = runs(*jobs(2), packs=[Pack(PACK.pack_id, (spoiled, *ATTRIBUTES[1:]))])
    assert outcomes(rows) == {"failed": 2 * len(IDS)}
    assert runs.asked == []
