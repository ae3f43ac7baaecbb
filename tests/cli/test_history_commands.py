"""`jobforge diff`, `why --as-of` and the moving of histories, on a history of three builds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from jobforge.history.records import CONTENT
from jobforge.ledger import open_ledger
from sqlalchemy import text

from cli.conftest import Place

DAY = 86_400_000_000
# The first of three recordings, a day apart: 2026-07-01 12:00 UTC.
FIRST = 1_782_907_200_000_000
RUNS = ("aaaaaaaa-0001", "bbbbbbbb-0002", "cccccccc-0003")
ESCAPE = "\x1b[31m"


def state(suffix: str, value: str | None, source: str | None, **more: str) -> dict[str, Any]:
    """Return one side of a row."""
    given = {"value": value, "source_type": source, "fill_status": (source or "failed").lower()}
    return {f"{name}_{suffix}": one for name, one in {**given, **more}.items()}


def change(job: str, kind: str, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return a change of a job's reading."""
    reason = f"because of {kind}"
    row = {"attribute_id": "reading", "job_id": job, "change_kind": kind, "change_reason": reason}
    return {**row, **before, **after}


LAYER = [
    {"attribute_id": "reading", "job_ids": ["J1", "J2"], **state("after", "1", "LLM")},
    {"attribute_id": "travel", "job_ids": ["J1"], **state("after", None, None)},
]
SECOND = [
    change(
        "J1", "raised", state("before", "1", "LLM"), state("after", "4", "ONET", dataset="O*NET")
    ),
    change("J3", "new_cell", {}, state("after", f"much{ESCAPE}", "LLM")),
]
THIRD = [
    change("J1", "value_changed", state("before", "4", "ONET"), state("after", "2", "ONET")),
    change("J2", "cell_gone", state("before", "1", "LLM"), {}),
]


@pytest.fixture
def told(place: Place) -> Place:
    """A project whose ledger has a history of three builds, a day apart."""
    with open_ledger(str(place.ledger)) as ledger:
        for after, rows in enumerate((LAYER, SECOND, THIRD)):
            table = pa.Table.from_pylist(rows, CONTENT)
            reader = pa.RecordBatchReader.from_batches(CONTENT, table.to_batches())
            clock = f"{FIRST + after * DAY}"
            ledger._dialect.now = lambda _, clock=clock: int(clock)  # type: ignore[method-assign]
            kind = "changes" if after else "layer"
            ledger.record_history("prod", kind, RUNS[after], reader, after=after)  # type: ignore[arg-type]
    return place


@pytest.mark.parametrize(
    ("as_of", "words"),
    [
        ("2026-07-01", ["1  LLM: ", "so since the history began, 2026-07-01 12:00:00 UTC"]),
        ("2026-07-02T11:59:59", ["1  LLM: "]),
        (
            "2026-07-02T14:00:00+02:00",
            ["4  ONET: O*NET", "so since 2026-07-02 12:00:00 UTC, run bbbbbbbb-0002: raised;"],
        ),
        ("2026-07-02", ["4  ONET: O*NET"]),
        ("2027-01-01", ["2  ONET", "value_changed; because of value_changed"]),
    ],
)
def test_why_shows_a_cell_as_it_was(told: Place, as_of: str, words: list[str]) -> None:
    """A day means its end in UTC, a moment that moment; a moment without a zone is in UTC."""
    done = told.jobforge("why", "J1", "reading", "--as-of", as_of)
    assert done.code == 0, done.all
    assert f"J1 reading as of {as_of}, history prod" in done.out
    for one in words:
        assert one in done.out


def test_why_shows_what_was_open_and_what_was_not_there(told: Place) -> None:
    """A cell without a value has its status; one that came later, or left, was not there."""
    open_cell = told.jobforge("why", "J1", "travel", "--as-of", "2026-07-03")
    assert "no value; failed" in open_cell.out
    for job, day in (("J3", "2026-07-01"), ("J2", "2026-07-03"), ("nobody", "2026-07-03")):
        done = told.jobforge("why", job, "reading", "--as-of", day)
        assert done.code == 1
        assert "gold had no such cell then" in done.out
    was = told.jobforge("why", "J2", "reading", "--as-of", "2026-07-02")
    assert was.code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("why", "J1", "reading", "--as-of", "2026-06-30"), "begins at 2026-07-01 12:00:00 UTC"),
        (("why", "J1", "reading", "--as-of", "2026-13-01"), "is no day"),
        (("diff", "--from", "yesterday"), "is no day"),
        (("diff", "--from", "ffffffff"), "0 runs of the history prod"),
        (("diff", "--history", "dev"), "no history dev; there is prod"),
        (("diff", "--from", "2026-07-03", "--to", "2026-07-01"), "--from is later than --to"),
    ],
)
def test_what_nobody_can_know_is_an_error(told: Place, words: tuple[str, ...], said: str) -> None:
    """One line, and the exit code 2."""
    done = told.jobforge(*words)
    assert done.code == 2
    assert said in done.err


def test_diff_tells_the_last_build_that_changed_something(told: Place) -> None:
    """Kinds, attributes and moves; without a warehouse it says that families are not known."""
    done = told.jobforge("diff")
    assert done.code == 0, done.all
    assert "2 changes of 2 cells" in done.out
    assert f"recording 3 (changes), dbt invocation {RUNS[2]}" in done.out
    assert "         1  value_changed" in done.out
    assert "         2  reading" in done.out
    assert "by family: there is no warehouse file" in done.out
    assert "J1 reading: 4 -> 2 (50% of the larger figure); because of value_changed" in done.out


def test_diff_over_several_builds_nets_the_moves(told: Place) -> None:
    """What a cell was first and became last, by the scale and the family that the warehouse has."""
    told.warehouse.parent.mkdir()
    with duckdb.connect(str(told.warehouse)) as connection:
        connection.execute(
            """
            create table int_jobs as
            select * from (values ('J1', 'Finance'), ('J3', null)) as given(job_id, job_family);
            create table int_attributes as
            select 'reading' as attribute_id, 0.0 as scale_minimum, 5.0 as scale_maximum
            """
        )
    for since in ("aaaaaaaa", "2026-07-01"):
        done = told.jobforge("diff", "--from", since)
        assert done.code == 0, done.all
        assert "4 changes of 3 cells" in done.out
        for words in ("2  Finance", "1  (no family)", "1  (no longer there)"):
            assert words in done.out
        assert "largest of 1 moves of a number" in done.out
        assert "J1 reading: 1 -> 2 (20% of the scale)" in done.out
        assert "\x1b" not in done.out
    nothing = told.jobforge("diff", "--from", "2026-07-02", "--to", "bbbbbbbb")
    assert "0 changes of 0 cells" in nothing.out


def test_a_ledger_without_a_history_says_so(ledger: Place) -> None:
    """There is nothing to compare, and nothing to move."""
    done = ledger.jobforge("diff")
    assert (done.code, done.out) == (2, "")
    assert "no history of gold yet" in done.err
    assert "history" not in ledger.jobforge("ledger", "export", "answers.parquet").out


def test_a_history_moves_with_the_answers(told: Place, tmp_path: Path) -> None:
    """An export writes it beside the answers, an import takes it from there."""
    file, other = tmp_path / "moved/answers.parquet", tmp_path / "other/ledger.sqlite"
    done = told.jobforge("ledger", "export", str(file))
    assert (
        f"3 recordings of gold's history are in {tmp_path}/moved/answers.history.parquet"
        in done.out
    )
    for new in (3, 0):
        done = told.jobforge("ledger", "import", str(file), "--ledger", str(other))
        assert done.code == 0, done.all
        assert f"{new} recordings of gold's history are new" in done.out
    there = ("--ledger", str(other))
    assert told.jobforge("diff", *there).out == told.jobforge("diff").out
    assert "3 recordings: prod" in told.jobforge("ledger", "stats", *there).out


def test_verify_finds_a_recording_that_was_taken_out(told: Place) -> None:
    """The gap is named, and the exit code is 1."""
    assert "3 recordings of gold's history" in told.jobforge("ledger", "verify").out
    with open_ledger(str(told.ledger)) as ledger:
        ledger._database.write(
            lambda connection: connection.execute(
                text("delete from history_part where sequence = 2")
            )
        )
    done = told.jobforge("ledger", "verify")
    assert done.code == 1
    assert "history_part prod 3/0" in done.out
