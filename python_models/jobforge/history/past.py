"""The past of gold, from the ledger alone: a cell as it was, what changed between two builds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from jobforge.errors import InputError
from jobforge.history.records import STATE, shaped
from jobforge.ledger import HistoryPart, Recording

if TYPE_CHECKING:
    from jobforge.ledger import Ledger

__all__ = [
    "CellThen",
    "Change",
    "cell_at",
    "changes_between",
    "choose_history",
    "end_of_moment",
    "recording_at",
]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INVOCATION = re.compile(r"[0-9a-f]{8}[0-9a-f-]{0,28}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CellThen:
    """A cell at some moment: its state, and the record that gave it that.

    change_kind, change_reason: None where it was in the layer with which the history begins.
    """

    state: dict[str, Any]
    recorded_at: datetime
    dbt_invocation_id: str
    change_kind: str | None
    change_reason: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one cell."""

    job_id: str
    attribute_id: str
    kind: str
    reason: str
    value_before: str | None
    value_after: str | None


def end_of_moment(text: str) -> datetime | None:
    """Return a day's last microsecond in UTC, or the moment; None where the text is neither."""
    try:
        if _DAY.fullmatch(text):
            day = datetime.fromisoformat(text)
            return datetime.combine(day, time.max, UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def choose_history(ledger: Ledger, name: str | None) -> list[Recording]:
    """Return the recordings of the history by that name, or of the one that was recorded last.

    Raises InputError where there is none.
    """
    found = ledger.recordings()
    if not found:
        raise InputError("the ledger has no history of gold yet: dbt build begins one")
    if name is None:
        name = max(found, key=lambda one: one.recorded_at).history
    chosen = [one for one in found if one.history == name]
    if not chosen:
        others = ", ".join(sorted({one.history for one in found}))
        raise InputError(f"the ledger has no history {name}; there is {others}")
    return chosen


def recording_at(recordings: Sequence[Recording], text: str) -> Recording:
    """Return the last recording at the end of a day, at a moment, or of a dbt invocation.

    Raises InputError where the history begins later, and for what is none of these.
    """
    name, begins = recordings[0].history, recordings[0].recorded_at
    moment = end_of_moment(text)
    if moment is not None:
        earlier = [one for one in recordings if one.recorded_at <= moment]
        if not earlier:
            raise InputError(
                f"the history {name} begins at {begins:%Y-%m-%d %H:%M:%S} UTC: nothing is known of"
                f" {text}"
            )
        return earlier[-1]
    if not _INVOCATION.fullmatch(text):
        raise InputError(
            f"{text!r} is no day such as 2026-07-01, no moment such as 2026-07-01T12:00:00+00:00"
            " and no dbt invocation"
        )
    found = [one for one in recordings if one.dbt_invocation_id.startswith(text)]
    if len({one.dbt_invocation_id for one in found}) != 1:
        raise InputError(
            f"{len(found)} runs of the history {name} have an invocation that begins with {text}; a"
            " run that changes nothing records nothing"
        )
    return found[-1]


def cell_at(ledger: Ledger, at: Recording, job_id: str, attribute_id: str) -> CellThen | None:
    """Return a cell as it was after that recording, None where it was not there."""
    then: CellThen | None = None
    for part, rows in _until(ledger, at):
        kept = shaped(rows.filter(pc.field("attribute_id") == attribute_id))
        for row in kept.to_pylist():
            if job_id == row["job_id"] or job_id in (row["job_ids"] or ()):
                then = None if row["change_kind"] == "cell_gone" else _then(part, row)
    return then


def _then(part: HistoryPart, row: dict[str, Any]) -> CellThen:
    return CellThen(
        state={name: row[f"{name}_after"] for name in STATE},
        recorded_at=part.recorded_at,
        dbt_invocation_id=part.dbt_invocation_id,
        change_kind=row["change_kind"],
        change_reason=row["change_reason"],
    )


def changes_between(ledger: Ledger, first: Recording, last: Recording) -> Iterator[Change]:
    """Yield the changes after one recording up to another, in the order of their recording."""
    for _, rows in _until(ledger, last, after=first.sequence):
        table = shaped(rows).select(
            [
                *("job_id", "attribute_id", "change_kind", "change_reason"),
                *("value_before", "value_after"),
            ]
        )
        for batch in table.to_batches():
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield Change(*row)


def _until(
    ledger: Ledger, last: Recording, *, after: int = 0
) -> Iterator[tuple[HistoryPart, pa.Table]]:
    for part, rows in ledger.history(last.history, after=after):
        if part.sequence > last.sequence:
            return
        yield part, rows
