"""Under which name gold's changes are recorded, and what a build refuses to record."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from jobforge.errors import InputError, SettingsError
from jobforge.history.build import Compared, history_name, keep_changes, recorded
from jobforge.history.past import end_of_moment
from jobforge.history.records import CONTENT, RECORDS, STATE
from jobforge.ledger import LedgerError


@pytest.mark.parametrize(
    ("name", "jobs_input", "expected"),
    [
        ("", "files", "prod"),
        ("", "demo", "prod_demo"),
        ("", "files+tables", "prod"),
        ("hr", "demo", "hr"),
        ("off", "files", None),
        ("False", "files", None),
    ],
)
def test_a_history_has_the_targets_name(name: str, jobs_input: str, expected: str | None) -> None:
    """The demo's jobs have one of their own; YAML's false is off."""
    config = {"name": name, "target": "prod", "jobs_input": jobs_input}
    assert history_name(config) == expected


@pytest.mark.parametrize("name", ["a b", "x" * 61, "ü", "a/b", "a\n"[:2] + "b"])
def test_a_name_that_none_can_have_is_refused(name: str) -> None:
    """It goes into lines of a log and of a terminal."""
    with pytest.raises(SettingsError, match="the var history"):
        history_name({"name": name, "target": "dev", "jobs_input": "files"})


def layer() -> pa.RecordBatchReader:
    """Return the states of a gold with one cell."""
    row = {"attribute_id": "a", "job_ids": ["J"], "value_after": "3"}
    schema = pa.schema([(name, CONTENT.field(name).type) for name in row])
    return pa.RecordBatchReader.from_batches(schema, [pa.RecordBatch.from_pylist([row], schema)])


def begin(ledger: str, cells: int = 1) -> pa.Table:
    """Begin a history, or read it where it is begun."""
    return recorded("dev", layer, cells=cells, run_id="run", log=len, ledger_url=ledger).read_all()


def test_a_layer_lacks_no_column(tmp_path: Path) -> None:
    """What a recording does not have, as an older one, is null; numbers count from 1."""
    (row,) = begin(str(tmp_path / "ledger.sqlite")).to_pylist()
    assert row.keys() == set(RECORDS.names)
    assert (row["record_number"], row["change_number"], row["sequence"]) == (1, None, 1)
    filled = {name for name in CONTENT.names if row[name] is not None}
    assert filled == {"attribute_id", "job_ids", "value_after"}
    assert {f"{name}_{side}" for name in STATE for side in ("before", "after")} < row.keys()


def test_a_ledger_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    """The error names the var with which nothing is recorded."""
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="the var history set to off records none"):
        begin(str(tmp_path / "file" / "ledger.sqlite"))


def test_a_history_that_is_off_is_empty(tmp_path: Path) -> None:
    """Whatever gold has, nothing is recorded, and no ledger made."""
    off: dict[str, object] = {
        "run_id": "run",
        "log": len,
        "ledger_url": str(tmp_path / "ledger.sqlite"),
    }
    compared = Compared(cells=1, changes=1, gone=0, new=1, sequence=0)
    kept = keep_changes(None, layer, compared, max_gone_share="0.5", **off)  # type: ignore[arg-type]
    begun = recorded(None, layer, cells=1, **off)  # type: ignore[arg-type]
    assert [one.read_all().num_rows for one in (kept, begun)] == [0, 0]
    assert list(tmp_path.iterdir()) == []


def test_a_gold_without_cells_begins_no_history(tmp_path: Path) -> None:
    """And makes no ledger."""
    assert begin(str(tmp_path / "ledger.sqlite"), cells=0).num_rows == 0
    assert not (tmp_path / "ledger.sqlite").exists()


@pytest.mark.parametrize(
    ("gone", "share", "refused"),
    [(5, "0.5", False), (6, "0.5", True), (1, "0", True), (10, "1", False), (10, "1.0", False)],
)
def test_a_loss_beyond_the_share_is_refused(
    tmp_path: Path, gone: int, share: str, refused: bool
) -> None:
    """Of the cells that were recorded, however many are new."""
    ledger = str(tmp_path / "ledger.sqlite")
    begin(ledger)
    compared = Compared(cells=10 - gone + 3, changes=gone + 3, gone=gone, new=3, sequence=1)
    assert compared.recorded_cells == 10

    def keep() -> pa.Table:
        return keep_changes(
            "dev",
            layer,
            compared,
            max_gone_share=share,
            run_id="next",
            log=len,
            ledger_url=ledger,
        ).read_all()

    if refused:
        with pytest.raises(InputError, match=f"{gone} of the 10 cells in the history dev"):
            keep()
        assert begin(ledger).num_rows == 1
    else:
        (row,) = keep().to_pylist()
        assert (row["record_number"], row["change_number"], row["sequence"]) == (2, 1, 2)


@pytest.mark.parametrize("share", ["half", "-0.1", "1.1", "nan"])
def test_a_share_is_from_0_to_1(share: str) -> None:
    """Anything else has no meaning."""
    nothing = Compared(cells=1, changes=0, gone=0, new=0, sequence=0)
    with pytest.raises(SettingsError, match="history_max_gone_share"):
        keep_changes("dev", layer, nothing, max_gone_share=share, run_id="run", log=len)


def test_a_day_ends_in_utc() -> None:
    """A moment keeps its zone, and is in UTC without one; other texts are no moment."""
    assert str(end_of_moment("2026-07-01")) == "2026-07-01 23:59:59.999999+00:00"
    assert str(end_of_moment("2026-07-01T12:00:00")) == "2026-07-01 12:00:00+00:00"
    assert str(end_of_moment("2026-07-01T12:00:00+02:00")) == "2026-07-01 12:00:00+02:00"
    assert [end_of_moment(text) for text in ("2026-02-30", "today", "", "7c1f90ab")] == [None] * 4
