"""What the ledger's replies tell of how probable the answers were, as SQL gets it."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jobforge.evaluation.probabilities import (
    PROBABILITY_SCHEMA,
    no_probabilities,
    read_probabilities,
)
from jobforge.requests.inputs import Pack
from support.builders import LEADERSHIP, PACK, READING, SHIFTS, jobs, packs_table
from support.loopback_server import LoopbackServer

from engine.runs import Rows, Runs

KNOWN = {READING.attribute_id, LEADERSHIP.attribute_id, SHIFTS.attribute_id}


def half_sure(body: dict[str, Any], answer: dict[str, Any]) -> dict[str, dict[str, float]]:
    """A model that finds another reading as probable as the one that it gives."""
    said = answer["reading"]["value"]
    return {"reading": {str(said): 0.4, str((said + 1) % 6): 0.4, "nothing": 0.2}}


@pytest.fixture
def runs(live_server: LoopbackServer) -> Runs:
    """Runs against a server that tells how probable its words are."""
    live_server.gives_logprobs = True
    live_server.chances = half_sure
    return Runs(live_server)


def asked(runs: Runs, *requests: Any, logprobs: bool = True) -> Rows:
    """What a run says of some jobs."""
    return runs(*requests, settings={"logprobs": logprobs})


def probabilities(pack: Pack = PACK) -> list[dict[str, Any]]:
    """The rows that SQL gets."""
    rows: list[dict[str, Any]] = read_probabilities(packs_table(pack)).to_pylist()
    return rows


def test_without_a_ledger_there_are_no_rows(tmp_path: Path) -> None:
    """An empty, typed table."""
    table = read_probabilities(packs_table(PACK), str(tmp_path / "none.sqlite"))
    assert table.schema == no_probabilities().schema == PROBABILITY_SCHEMA
    assert table.num_rows == 0


def test_an_answer_has_the_probability_that_its_reply_tells(runs: Runs) -> None:
    """Of its value, known again by job, attribute, model and moment; a refusal has none."""
    rows = {(row["job_id"], row["attribute_id"]): row for row in asked(runs, *jobs(3))}
    runs.server.rates = {"refusal": 1.0}
    asked(runs, *jobs(4))
    found = probabilities()
    assert {row["attribute_id"] for row in found} == KNOWN
    assert len(found) == 3 * len(KNOWN)
    for row in found:
        answer = rows[row["job_id"], row["attribute_id"]]
        assert (row["model_used"], row["imputed_at"]) == (
            answer["model_used"],
            answer["imputed_at"],
        )
        if row["attribute_id"] == "reading":
            said = int(answer["value"])
            assert row["answer_probability"] == pytest.approx(0.5)
            assert row["expected_value"] == pytest.approx((said + (said + 1) % 6) / 2)
        else:
            assert (row["answer_probability"], row["expected_value"]) == (1, None)


def test_what_was_not_told_is_not_read(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a ledger without such replies none leaves the database."""
    asked(runs, *jobs(3), logprobs=False)
    monkeypatch.setattr("jobforge.evaluation.probabilities.read_distributions", None)
    assert probabilities() == []


def test_an_attribute_that_is_another_one_now_has_no_probability(runs: Runs) -> None:
    """What was asked by another definition says nothing of it."""
    asked(runs, *jobs(1))
    changed = replace(READING, description="Another thing altogether.")
    pack = replace(PACK, attributes=(changed, *PACK.attributes[1:]))
    assert {row["attribute_id"] for row in probabilities(pack)} == KNOWN - {"reading"}


def test_a_value_that_the_reply_does_not_give_has_no_probability(runs: Runs) -> None:
    """Of a ledger that somebody changed nothing is said."""
    asked(runs, *jobs(1))
    with sqlite3.connect(os.environ["JOBFORGE_LEDGER"]) as ledger:
        ledger.execute("update answer set value = '9' where attribute_id = 'reading'")
    assert {row["attribute_id"] for row in probabilities()} == KNOWN - {"reading"}


def test_each_of_several_answers_has_its_own(runs: Runs) -> None:
    """Asked with other parameters, a cell is answered twice: two rows."""
    asked(runs, *jobs(1))
    runs(*jobs(1), settings={"logprobs": True, "model": "another"})
    assert len(probabilities()) == 2 * len(KNOWN)
