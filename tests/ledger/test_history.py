"""The history of gold in the ledger: recordings that follow each other, faults that are seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jobforge.ledger import Ledger, LedgerCorruptError, LedgerError, SecretFoundError, open_ledger
from jobforge.ledger.records import HistoryKind
from sqlalchemy import text

SCHEMA = pa.schema([("attribute_id", pa.string()), ("job_ids", pa.list_(pa.string()))])


def rows(*values: str) -> pa.RecordBatchReader:
    """Return rows as SQL gives them."""
    given = [{"attribute_id": value, "job_ids": [f"J{value}", "J0"]} for value in values]
    return pa.RecordBatchReader.from_batches(SCHEMA, [pa.RecordBatch.from_pylist(given, SCHEMA)])


def record(ledger: Ledger, after: int, *values: str, name: str = "dev") -> None:
    """Add a recording to a history."""
    kind: HistoryKind = "changes" if after else "layer"
    ledger.record_history(name, kind, f"run-{after + 1}", rows(*values), after=after)


def contents(ledger: Ledger, name: str = "dev", after: int = 0) -> list[tuple[int, list[str]]]:
    """Return what each part of a history holds."""
    found = ledger.history(name, after=after)
    return [(part.sequence, table["attribute_id"].to_pylist()) for part, table in found]


@pytest.fixture
def recorded(ledger: Ledger) -> Ledger:
    """A ledger with a layer and two recordings of changes, beside another history."""
    record(ledger, 0, "a", "b")
    record(ledger, 0, "x", name="prod")
    record(ledger, 1, "c")
    record(ledger, 2, "d", "e")
    return ledger


def test_recordings_follow_each_other_in_histories_of_their_own(recorded: Ledger) -> None:
    """What was recorded is read as it was, from the beginning or from a recording on."""
    assert contents(recorded) == [(1, ["a", "b"]), (2, ["c"]), (3, ["d", "e"])]
    assert contents(recorded, after=1) == [(2, ["c"]), (3, ["d", "e"])]
    assert contents(recorded, "prod") == [(1, ["x"])]
    facts = [(one.history, one.sequence, one.kind, one.row_count) for one in recorded.recordings()]
    assert facts == [
        *(("dev", 1, "layer", 2), ("dev", 2, "changes", 1), ("dev", 3, "changes", 2)),
        ("prod", 1, "layer", 1),
    ]
    times = [one.recorded_at for one in recorded.recordings("dev")]
    assert times == sorted(times)
    assert list(recorded.verify()) == []


@pytest.mark.parametrize("after", [0, 1, 4])
def test_nobody_records_on_what_another_has_moved_on(recorded: Ledger, after: int) -> None:
    """What was compared with an older recording is refused, and nothing of it is kept."""
    with pytest.raises(LedgerError, match="another run has recorded the history dev up to 3"):
        record(recorded, after, "late")
    assert contents(recorded)[-1] == (3, ["d", "e"])


def test_a_large_layer_is_cut_into_parts(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of one recording stand in their order, and each is verified after the one before."""
    monkeypatch.setattr("jobforge.ledger.history._ROWS_A_PART", 2)
    batches = [batch for value in "abcde" for batch in rows(value)]
    reader = pa.RecordBatchReader.from_batches(SCHEMA, batches)
    done = ledger.record_history("dev", "layer", "run-1", reader, after=0)
    assert done.row_count == 5
    assert contents(ledger) == [(1, ["a", "b"]), (1, ["c", "d"]), (1, ["e"])]
    assert list(ledger.verify()) == []


def test_what_looks_like_a_key_is_not_recorded(ledger: Ledger) -> None:
    """In a text and in a list of texts; nothing is written, and the key is in no message."""
    for one in (
        {"attribute_id": "sk-proj-0123456789abcdefgh", "job_ids": ["J1"]},
        {"attribute_id": "a", "job_ids": ["J1", "Bearer 0123456789abcdefgh"]},
    ):
        batch = pa.RecordBatch.from_pylist([one], SCHEMA)
        reader = pa.RecordBatchReader.from_batches(SCHEMA, [batch])
        with pytest.raises(SecretFoundError) as caught:
            ledger.record_history("dev", "layer", "run-1", reader, after=0)
        assert "0123456789" not in str(caught.value)
    assert ledger.recordings() == []


def change(url: str, statement: str) -> None:
    """Change a ledger's table behind its back."""
    with open_ledger(url) as ledger:
        ledger._database.write(lambda connection: connection.execute(text(statement)))


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("update history_part set row_count = 3 where history = 'dev' and sequence = 2", "dev 2/0"),
        ("update history_part set recorded_at = 1 where history = 'dev' and sequence = 3", "3/0"),
        ("delete from history_part where history = 'dev' and sequence = 2", "dev 3/0"),
        ("delete from history_part where history = 'dev' and sequence = 1", "dev 2/0"),
        ("update history_part set kind = 'layer' where history = 'dev' and sequence = 2", "2/0"),
        (
            "update history_part set content = (select content from history_part where"
            " history = 'prod') where history = 'dev' and sequence = 3",
            "dev 3/0",
        ),
    ],
)
def test_whatever_was_changed_or_taken_out_is_seen(
    recorded: Ledger, url: str, statement: str, where: str
) -> None:
    """`verify` names the part, and a run does not build on it."""
    change(url, statement)
    assert any(where in fault.key for fault in recorded.verify())
    with pytest.raises(LedgerCorruptError, match="of the history dev is damaged"):
        contents(recorded)
    assert contents(recorded, "prod") == [(1, ["x"])]


def test_histories_move_to_another_ledger(
    recorded: Ledger, new_url: Callable[[], str], tmp_path: Path
) -> None:
    """A file brings all, a second time nothing, and later what was added since."""
    file = tmp_path / "moved" / "answers.history.parquet"
    assert recorded.export_histories(file) == 4
    with open_ledger(new_url()) as other:
        assert other.import_histories(file) == (4, [])
        assert contents(other) == contents(recorded)
        assert other.recordings() == recorded.recordings()
        assert other.import_histories(file) == (0, [])
        record(recorded, 3, "f")
        recorded.export_histories(file)
        assert other.import_histories(file) == (1, [])
        assert contents(other)[-1] == (4, ["f"])
        assert list(other.verify()) == []


def test_a_history_that_has_parted_stays_as_it_is(
    recorded: Ledger, new_url: Callable[[], str], tmp_path: Path
) -> None:
    """Of two that went on alone neither takes the other's; other histories come all the same."""
    file = tmp_path / "histories.parquet"
    recorded.export_histories(file)
    with open_ledger(new_url()) as other:
        record(other, 0, "elsewhere")
        new, faults = other.import_histories(file)
        assert (new, [fault.key for fault in faults]) == (1, ["dev 1"])
        assert contents(other) == [(1, ["elsewhere"])]
        assert contents(other, "prod") == [(1, ["x"])]


def test_a_file_that_was_changed_stays_out(
    recorded: Ledger, new_url: Callable[[], str], tmp_path: Path
) -> None:
    """From the first part that does not hold on, nothing of its history is taken."""
    file = tmp_path / "histories.parquet"
    recorded.export_histories(file)
    table = pq.read_table(file)
    given = table.to_pylist()
    given[1]["row_count"] = 7
    pq.write_table(pa.Table.from_pylist(given, table.schema), file)
    with open_ledger(new_url()) as other:
        new, faults = other.import_histories(file)
        assert new == 2
        assert [fault.key for fault in faults] == ["dev 2/0"]
        assert contents(other) == [(1, ["a", "b"])]
    pq.write_table(table.drop_columns(["content"]), file)
    with open_ledger(new_url()) as other, pytest.raises(LedgerError, match="no column content"):
        other.import_histories(file)


def test_a_ledger_without_histories_writes_no_file(ledger: Ledger, tmp_path: Path) -> None:
    """There is nothing to move."""
    assert ledger.export_histories(tmp_path / "none.parquet") == 0
    assert not (tmp_path / "none.parquet").exists()
