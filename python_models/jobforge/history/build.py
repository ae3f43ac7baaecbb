"""What a build records of gold, and what it gives to SQL of all that was recorded.

Nothing is recorded of a layer without cells, and no loss of most cells without leave. A record is
on the disk before its rows reach the warehouse; a run that is killed between the two is followed by
one that finds them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from jobforge.errors import InputError, SettingsError
from jobforge.history.records import CONTENT, RECORDS, no_records, read_records, shaped
from jobforge.ledger import LedgerError, Recording, existing_ledger, open_ledger
from jobforge.ledger.records import HistoryKind

__all__ = ["Compared", "history_name", "keep_changes", "recorded"]

Log = Callable[[str], object]
Rows = Callable[[], pa.RecordBatchReader]

_NAME = re.compile(r"[\w.-]{1,60}", re.ASCII)
# YAML reads a bare `off` as false.
_OFF = ("off", "false")
_ADVICE = "the history of gold is in the ledger; the var history set to off records none"


@dataclass(frozen=True, slots=True)
class Compared:
    """What the comparison of gold with the recorded cells came to.

    cells: how many gold has; changes: how many differ, `gone` and `new` among them. sequence: the
    recording with which they were compared.
    """

    cells: int
    changes: int
    gone: int
    new: int
    sequence: int

    @property
    def recorded_cells(self) -> int:
        """How many cells there were before."""
        return self.cells + self.gone - self.new


def history_name(config: Mapping[str, object]) -> str | None:
    """Return the name of the history, None where nothing is to be recorded.

    config: the var history as `name`, dbt's `target`, and `jobs_input`, where the jobs are from.
    Without a var it is the target's name; the demo's jobs have a history of their own, so that the
    first run on one's own jobs does not record that the demo's are gone. Raises SettingsError for a
    name that none can have.
    """
    given = {name: str(text).strip() for name, text in config.items()}
    name = given["name"]
    if name.lower() in _OFF:
        return None
    if not name:
        is_demo = given["jobs_input"] == "demo"
        name = f"{given['target']}_demo" if is_demo else given["target"]
    if not _NAME.fullmatch(name):
        raise SettingsError(
            "the var history is not a name of at most 60 letters, digits and . _ - (or off)"
        )
    return name


def recorded(
    name: str | None,
    layer: Rows,
    *,
    cells: int,
    run_id: str,
    log: Log,
    ledger_url: str | None = None,
) -> pa.RecordBatchReader:
    """Return all that a history has, with the columns of RECORDS.

    layer: the states of gold, which are recorded where the history has nothing yet. cells: how
    many gold has; one without cells begins no history. Raises LedgerError where the ledger cannot
    be read or written, and SecretFoundError for a text that looks like a key.
    """
    if name is None:
        return no_records()
    if not _is_begun(name, ledger_url):
        if not cells:
            return no_records()
        _record(name, "layer", run_id, layer, after=0, ledger_url=ledger_url)
        log(f"History {name}: begins with {cells:,} cells")
    return _reader(name, 0, ledger_url)


def keep_changes(
    name: str | None,
    changes: Rows,
    compared: Compared,
    *,
    max_gone_share: str,
    run_id: str,
    log: Log,
    ledger_url: str | None = None,
) -> pa.RecordBatchReader:
    """Record the changes where there are any; return them, with the columns of RECORDS.

    Raises InputError where more than that share of the recorded cells would be gone, and what
    `recorded` raises.
    """
    share = _share(max_gone_share)
    if name is None or not compared.changes:
        return no_records()
    if compared.gone > share * compared.recorded_cells:
        raise InputError(
            f"{compared.gone:,} of the {compared.recorded_cells:,} cells in the history {name} are"
            f" no longer in gold, more than the share of {share:g} that history_max_gone_share lets"
            " pass: put back what is missing, or set the var to 1 for one run where it is meant."
            " Nothing was recorded"
        )
    done = _record(name, "changes", run_id, changes, after=compared.sequence, ledger_url=ledger_url)
    log(f"History {name}: {done.row_count:,} changes (jobforge diff)")
    return _reader(name, compared.sequence, ledger_url)


def _share(given: str) -> float:
    try:
        share = float(given)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise SettingsError(
            f"the var history_max_gone_share is {given!r}; it must be a number from 0 to 1"
        )
    return share


def _is_begun(name: str, ledger_url: str | None) -> bool:
    ledger = existing_ledger(ledger_url)
    if ledger is None:
        return False
    with ledger:
        return bool(ledger.recordings(name))


def _record(
    name: str, kind: HistoryKind, run_id: str, rows: Rows, *, after: int, ledger_url: str | None
) -> Recording:
    given = rows()
    batches = (
        batch for one in given for batch in shaped(pa.Table.from_batches([one])).to_batches()
    )
    reader = pa.RecordBatchReader.from_batches(CONTENT, batches)
    try:
        with open_ledger(ledger_url) as ledger:
            return ledger.record_history(name, kind, run_id, reader, after=after)
    except LedgerError as error:
        raise type(error)(f"{error} ({_ADVICE})") from None


def _reader(name: str, after: int, ledger_url: str | None) -> pa.RecordBatchReader:
    def batches() -> Iterator[pa.RecordBatch]:
        with open_ledger(ledger_url, read_only=True) as ledger:
            yield from read_records(ledger, name, after=after)

    return pa.RecordBatchReader.from_batches(RECORDS, batches())
