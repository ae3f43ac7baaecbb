"""What an earlier release made holds: its ledger is read to the byte and nothing is asked twice.

`made_before.sql` is a ledger as an earlier release wrote it, by three jobs asked live: one answered
in whole, one after a truncated reply, one refused. A literal here changes only with a change that
is meant to ask everything anew, or that migrates the ledger.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from jobforge.answers.attempts import ATTEMPTS_SCHEMA, read_attempts
from jobforge.answers.outcomes import OUTCOME_SCHEMA
from jobforge.batch.files import definitions
from jobforge.ledger import open_ledger
from jobforge.ledger.hashes import digest
from jobforge.ledger.streams import ANSWER_SCHEMA, ATTEMPT_SCHEMA
from jobforge.requests.forms import PackForms
from jobforge.requests.keys import Keyer, attribute_digest, job_digest
from jobforge.requests.prompts import INSTRUCTIONS, PROMPT_VERSION
from jobforge.requests.schema import SCHEMA_VERSION
from jobforge.settings import Settings
from support.builders import ATTRIBUTES, JOB, PACK, request
from support.loopback_server import LoopbackServer

from engine.runs import Runs, check_ledger, codes

MADE = Path(__file__).with_name("made_before.sql")
ASKED = [
    request(
        known=[("Python", "5")],
        comparable=[("Statistician", {"reading": "5", "shifts": "false"})],
    ),
    request(
        replace(JOB, job_id="j2", title="Lyrikerin – «Poésie»", family=None),  # noqa: RUF001 - as it was
        ("reading", "tools"),
    ),
    request(replace(JOB, job_id="j3", title="Night Porter"), ("shifts",)),
]
ADDED = ("cache_write_tokens", "reasoning_tokens")
STATUSES = ["answered", "truncated", "answered", "answered", "refused"]
VALUES = {
    ("j1", "reading"): "2",
    ("j1", "travel_days"): "365",
    ("j1", "leadership"): "none",
    ("j1", "shifts"): "true",
    ("j1", "tools"): "because of tools.value",
    ("j2", "reading"): "0",
    ("j2", "tools"): "because of tools.value",
    ("j3", "shifts"): None,
}


@pytest.fixture
def ledger_of_before(ledger_file: Path) -> Path:
    """The ledger of the earlier release, where the run looks for its own."""
    with sqlite3.connect(ledger_file) as connection:
        connection.executescript(MADE.read_text(encoding="utf-8"))
    connection.close()
    return ledger_file


def sha256(text: str | bytes) -> str:
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


@pytest.mark.parametrize("mode", ["live", "batch", "replay", "off"])
def test_its_answers_are_given_out_and_nothing_is_asked(
    mode: str, ledger_of_before: Path, live_server: LoopbackServer
) -> None:
    """Every cell of the earlier ledger has its value again, in any mode, with no call."""
    runs = Runs(live_server)
    rows = runs(*ASKED, settings={"mode": mode})
    assert {(row["job_id"], row["attribute_id"]): row["value"] for row in rows} == VALUES
    assert {row["dbt_invocation_id"] for row in rows if row["value"]} == {"run-made-before"}
    assert codes(rows) == {"refused"}
    assert live_server.count == 0
    check_ledger()


def test_its_attempts_are_read(ledger_of_before: Path) -> None:
    """The attempts of the earlier ledger come out as they were, with what they settled."""
    rows = read_attempts().to_pylist()
    assert [row["status"] for row in rows] == STATUSES
    assert [(row["cells_answered"], row["cells_refused"]) for row in rows] == [
        (5, 0), (0, 0), (1, 0), (1, 0), (0, 1),
    ]  # fmt: skip
    for row in rows:
        row |= {"sent_at": str(row["sent_at"]), "received_at": str(row["received_at"])}
        assert [row.pop(name) for name in ADDED] == [None, None]
        # The ledger had it, and the table did not show it.
        assert row.pop("prompt_version")
    assert (
        sha256(json.dumps(rows, sort_keys=True))
        == "a8ce0a513b7f2f8a0f84dcd6519c72316c949794fd02e35e258e854a41bca2b1"
    )


def test_a_new_ledger_has_the_same_tables(ledger_of_before: Path, tmp_path: Path) -> None:
    """A ledger made today has the DDL of the earlier one, to the byte, and what was added."""

    def ddl(path: Path) -> list[str]:
        with sqlite3.connect(path) as connection:
            rows = connection.execute("select sql from sqlite_master where sql is not null")
            found = sorted(row[0] for row in rows)
        connection.close()
        return found

    new = tmp_path / "new.sqlite"
    open_ledger(str(new)).close()
    later, before = ddl(new), ddl(ledger_of_before)
    added = ("TABLE claimant ", "TABLE chain_end ", "TABLE review ", "TABLE history_part ")
    same = [one for one in later if not any(name in one for name in added)]
    columns = (
        ", chain_hash text, cache_write_tokens bigint, reasoning_tokens bigint,"
        " texts_dropped_at bigint, kept_hash text)"
    )
    assert sorted(one.replace(columns, ")") for one in same) == before
    assert len(later) == len(before) + len(added)
    assert (
        sha256("\n".join(before))
        == "711a8a64e4510d8dfa41135eb0af19b24f6a6fbaac4f4eff3abc0dde8fe04482"
    )


def test_the_prompt_is_the_same_to_the_byte() -> None:
    """Instructions, versions and whole requests are those of the earlier release."""
    assert (
        sha256(INSTRUCTIONS) == "6dbc52a5db1c4c72b9008d4c4b3f97d0bec372a25ce1c84d6f590052f4bfe386"
    )
    assert (PROMPT_VERSION, SCHEMA_VERSION) == ("1-6dbc52a5db1c", "1")
    bodies = [
        PackForms(
            PACK,
            parameters={"model": "asked-model", "max_tokens": 4096, "temperature": 0.5},
            largest_completion_tokens=4096,
            text_bounds=text_bounds,
        )
        .form(one)
        .body
        for one in ASKED
        for text_bounds in (False, True)
    ]
    assert (
        sha256(b"\n".join(bodies))
        == "31e37faddcbda5f13de82779bbeb1ce8d9152e8f5106d4a3835b2b3b44d62a52"
    )


def test_the_keys_are_the_same_to_the_byte() -> None:
    """Digests and keys of fixed jobs, attributes, evidence and parameters are the same."""
    digests = [attribute_digest(one) for one in ATTRIBUTES] + [job_digest(a.job) for a in ASKED]
    assert (
        digest("literal", *digests)
        == "f315f67403ea9a2b2287dd3ee37b92ad66f7284a67c21f9d3e704e84b59325c8"
    )
    keys = [
        [cell.attribute_id, cell.evidence_hash, cell.question_key, cell.cell_key]
        for settings in (Settings(), Settings(model="asked-model", temperature=0.5))
        for with_evidence in (True, False)
        for asked in ASKED
        for cell in Keyer(settings, with_evidence=with_evidence).keyed(asked, PACK).cells.values()
    ]
    assert (
        sha256(json.dumps(keys))
        == "32c27bdad2f6ef8167abdd4477dd198f312e888f4e21e93ca0eb90bbcd78ba74"
    )


def test_what_checks_a_batch_s_answers_is_the_same() -> None:
    """The definitions that wait with a batch's request are read by the next release."""
    assert definitions(ATTRIBUTES) == (
        '[["reading","rating","0","5",[]],["travel_days","number","0","365",[]],'
        '["leadership","category",null,null,["none","team lead","manager"]],'
        '["shifts","boolean",null,null,[]],["tools","text",null,null,[]]]'
    )


def test_the_tables_that_leave_are_the_same() -> None:
    """Names, order, types and nullability of every Arrow table, beside what was added since."""
    reason_code = OUTCOME_SCHEMA.field("reason_code")
    assert (str(reason_code.type), reason_code.nullable) == ("string", True)
    for name in ADDED:
        assert ATTEMPT_SCHEMA.field(name) == ATTEMPTS_SCHEMA.field(name) == pa.field(name, "int64")
    added = ("reason_code", "attribute_digest", *ADDED)
    shown = "\n\n".join(
        "\n".join(
            f"{one.name} {one.type} {one.nullable}"
            for one in schema
            if one.name not in added
            and not (schema is ATTEMPTS_SCHEMA and one.name == "prompt_version")
        )
        for schema in (OUTCOME_SCHEMA, ATTEMPTS_SCHEMA, ATTEMPT_SCHEMA, ANSWER_SCHEMA)
    )
    assert sha256(shown) == "c260e136e9290ee5592119ca6970661666419bd793f24d6e81f21567a34e9000"
