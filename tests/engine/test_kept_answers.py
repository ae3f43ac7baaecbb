"""The ledger's answers as SQL gets them, to show what others have superseded since."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from jobforge.answers.kept import KEPT_SCHEMA, no_kept_answers, read_kept_answers
from jobforge.requests.inputs import Pack
from support.builders import IDS, PACK, READING, jobs, packs_table
from support.loopback_server import LoopbackServer

from engine.runs import Runs, values


@pytest.fixture
def runs(live_server: LoopbackServer) -> Runs:
    """Runs against a server in which all goes well."""
    return Runs(live_server)


def kept(pack: Pack = PACK) -> dict[tuple[str, str], str]:
    """Return the kept answers by cell."""
    rows = read_kept_answers(packs_table(pack)).to_pylist()
    return {(row["job_id"], row["attribute_id"]): row["value"] for row in rows}


def test_without_a_ledger_there_are_no_rows(tmp_path: Path) -> None:
    """An empty, typed table."""
    table = read_kept_answers(packs_table(PACK), str(tmp_path / "none.sqlite"))
    assert table.schema == no_kept_answers().schema == KEPT_SCHEMA
    assert table.num_rows == 0


def test_every_answer_is_kept_with_where_it_came_from(runs: Runs) -> None:
    """The values are those of the run, of every type; a refusal is none."""
    rows = runs(*jobs(3))
    runs.server.rates = {"refusal": 1.0}
    runs(*jobs(4))
    assert kept() == values(rows)
    table = read_kept_answers(packs_table(PACK))
    assert table.schema == KEPT_SCHEMA
    by_cell = {(row["job_id"], row["attribute_id"]): row for row in rows}
    for row in table.to_pylist():
        same = by_cell[row["job_id"], row["attribute_id"]]
        assert row == {name: same[name] for name in KEPT_SCHEMA.names}


def test_an_attribute_that_is_another_one_now_has_no_answer(runs: Runs) -> None:
    """What was asked by another definition says nothing of it."""
    runs(*jobs(2))
    changed = replace(READING, description="Another thing altogether.")
    pack = replace(PACK, attributes=(changed, *PACK.attributes[1:]))
    assert {name for _, name in kept(pack)} == set(IDS) - {READING.attribute_id}


def test_a_value_that_does_not_hold_is_left_out(runs: Runs) -> None:
    """Of a ledger that somebody changed only what the attribute can have is shown."""
    runs(*jobs(2))
    with sqlite3.connect(os.environ["JOBFORGE_LEDGER"]) as ledger:
        ledger.execute(
            "update answer set value = '99' where answer_no ="
            " (select min(answer_no) from answer where attribute_id = ?)",
            (READING.attribute_id,),
        )
    assert len(kept()) == 2 * len(IDS) - 1
    assert "99" not in kept().values()
