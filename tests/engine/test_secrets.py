"""The key is nowhere but in the request's header."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from jobforge.errors import FatalRunError
from jobforge.ledger import open_ledger
from jobforge.redaction import visible
from jobforge.requests.inputs import Pack
from support.builders import ATTRIBUTES, IDS, PACK, READING, jobs
from support.loopback_server import LoopbackServer, clothes, instance_of

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


@pytest.mark.parametrize("key", [KEY, OTHER, "ab-12x", "hunter2"])
def test_a_server_that_echoes_the_key_in_other_clothes(
    runs: Runs, ledger_file: Path, key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Escaped, encoded, in capitals or in half, a key is nowhere: not in an export, either."""
    monkeypatch.setenv("OPENAI_API_KEY", key)
    said: list[str] = []
    runs.server.script("ok", "401_clothes")
    runs.server.answer = telling(" ".join(clothes(key)))
    with pytest.raises(FatalRunError) as raised:
        runs(*jobs(4), log=said.append)
    exported = tmp_path / "answers.parquet"
    with open_ledger(read_only=True) as ledger:
        ledger.export(exported)
    rows = pq.read_table(exported).to_pylist()
    kept = _ledger_bytes(ledger_file).decode("latin-1") + str(rows)
    shown = "".join(said) + str(raised.value)
    assert "[redacted]" in kept
    assert "[redacted]" in shown
    for worn in clothes(key):
        if len(worn) >= min(8, len(key)):
            assert worn not in kept
            assert worn not in shown
    assert visible(shown) == shown
    check_ledger()


def test_a_secret_in_the_path_of_the_address(
    runs: Runs, ledger_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway's token that a server repeats with the path is as secret as the key."""
    address = runs.server.base_url.replace("/v1", "/t0k3n-of-the-gate/v1")
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    said: list[str] = []
    with pytest.raises(FatalRunError) as raised:
        runs(*jobs(1), log=said.append)
    for text in (str(said), str(raised.value), _ledger_bytes(ledger_file).decode("latin-1")):
        assert "no such path: /[redacted]/v1" in text
        assert "t0k3n" not in text


def test_a_key_that_is_a_word_stops_no_prompt(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short word that serves as a key may stand in the data, too."""
    monkeypatch.setenv("OPENAI_API_KEY", "job")
    assert outcomes(runs(*jobs(1))) == {"answered": len(IDS)}


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


def test_a_definition_with_a_key_bars_that_attribute_alone(runs: Runs, ledger_file: Path) -> None:
    """An attribute whose definition holds a key is named and left out; its neighbours are asked."""
    spoiled = replace(READING, description=f"Reads {OTHER}.")
    packs = [Pack(PACK.pack_id, (spoiled, *ATTRIBUTES[1:]))]
    rows = runs(*jobs(2), packs=packs)
    assert outcomes(rows) == {"answered": 2 * (len(IDS) - 1), "failed": 2}
    barred = [row for row in rows if row["outcome"] == "failed"]
    assert {row["attribute_id"] for row in barred} == {"reading"}
    assert codes(rows) == {"secret_in_definition"}
    assert all("'reading'" in row["reason"] for row in barred)
    sent = str([one.body for one in runs.asked])
    assert '"id":"travel_days"' in sent.replace("\\", "")
    assert '"id":"reading"' not in sent.replace("\\", "")
    assert OTHER not in sent + str(rows)
    assert OTHER.encode() not in _ledger_bytes(ledger_file)
    assert codes(runs(*jobs(2), packs=packs, settings={"mode": "plan"})) == {"secret_in_definition"}
    check_ledger()


def test_a_pack_of_barred_attributes_asks_nobody(runs: Runs) -> None:
    """Where every definition holds a key nothing is sent."""
    spoiled = tuple(replace(one, description=f"Is {OTHER}.") for one in ATTRIBUTES)
    rows = runs(*jobs(2), packs=[Pack(PACK.pack_id, spoiled)])
    assert outcomes(rows) == {"failed": 2 * len(IDS)}
    assert runs.asked == []
