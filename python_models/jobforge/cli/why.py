"""`jobforge why JOB ATTRIBUTE`: where a cell's value comes from, and what was said for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from jobforge.cli.ledger import LedgerOption, required_ledger
from jobforge.cli.project import Project, Warehouse, WarehouseUnavailableError, ledger_url
from jobforge.cli.terminal import say
from jobforge.history.past import CellThen, cell_at, choose_history, recording_at
from jobforge.ledger import existing_ledger
from jobforge.ledger.records import Why

__all__ = ["HistoryOption", "WarehouseOption", "why"]

WarehouseOption = Annotated[
    Path | None,
    typer.Option(
        help="DuckDB file; without it JOBFORGE_WAREHOUSE or the project's.", show_default=False
    ),
]

HistoryOption = Annotated[
    str | None,
    typer.Option(
        help="Name of the history; without it the one that was recorded last.", show_default=False
    ),
]

_CANDIDATES = """
    select * from {table} where job_id = ? and attribute_id = ? order by candidate_rank
"""
_CELL = "select * from {table} where job_id = ? and attribute_id = ?"
_ORIGIN = ("dataset", "dataset_release", "source_record", "inheritance_level")


def why(
    job_id: str,
    attribute_id: str,
    warehouse: WarehouseOption = None,
    ledger: LedgerOption = None,
    texts: Annotated[
        bool, typer.Option(help="Show the messages, the schema and the raw reply.")
    ] = True,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Show the cell as it was at the end of this day in UTC, or at this moment.",
            show_default=False,
        ),
    ] = None,
    history: HistoryOption = None,
) -> None:
    """Show every candidate of a cell, and what the model was asked and said.

    The warehouse has the candidates, the ledger what was said; each is shown without the other.
    With --as-of: the value that gold had then, from the ledger alone.
    """
    if as_of is not None:
        _show_then(job_id, attribute_id, as_of, history, ledger)
        return
    say(f"{job_id} {attribute_id}")
    shown = _show_candidates(job_id, attribute_id, warehouse)
    reviewed = _show_reviews(job_id, attribute_id, ledger)
    said = _show_said(job_id, attribute_id, ledger, texts)
    if not (shown or reviewed or said):
        raise typer.Exit(1)


def _show_then(
    job_id: str, attribute_id: str, as_of: str, history: str | None, url: str | None
) -> None:
    with required_ledger(url) as ledger:
        at = recording_at(choose_history(ledger, history), as_of)
        then = cell_at(ledger, at, job_id, attribute_id)
    say(f"{job_id} {attribute_id} as of {as_of}, history {at.history}\n")
    if then is None:
        say("  gold had no such cell then")
        raise typer.Exit(1)
    say(_cell_then(then))


def _cell_then(then: CellThen) -> str:
    state = then.state
    origin = ", ".join(str(state[name]) for name in _ORIGIN if state[name] is not None)
    said = f"{state['value']}  {state['source_type']}: {origin}"
    if state["value"] is None:
        said = f"no value; {state['fill_status']}: {state['fill_reason_code']}"
    lines = [f"  {said}"]
    if state["model_used"] is not None:
        lines.append(
            f"  {state['model_used']}, prompt {state['prompt_version']}, {state['imputed_at']},"
            f" request {state['request_id']}"
        )
    since = f"{then.recorded_at:%Y-%m-%d %H:%M:%S} UTC, run {then.dbt_invocation_id}"
    if then.change_kind is None:
        lines.append(f"  so since the history began, {since}")
    else:
        lines.append(f"  so since {since}: {then.change_kind}; {then.change_reason}")
    return "\n".join(lines)


def _show_candidates(job_id: str, attribute_id: str, path: Path | None) -> bool:
    try:
        opened = Warehouse(Warehouse.path(path, Project.find()))
    except WarehouseUnavailableError as error:
        say(f"\nCandidates: {error}; what follows is from the ledger alone")
        return False
    try:
        cell = (job_id, attribute_id)
        candidates = opened.rows("gold_job_attribute_provenance", _CANDIDATES, cell)
        rows = candidates or opened.rows("gold_job_attributes", _CELL, cell)
    except WarehouseUnavailableError as error:
        say(f"\nCandidates: {error}")
        return False
    finally:
        opened.close()
    if not rows:
        say("\nCandidates: the warehouse has no such job or attribute")
    elif not candidates:
        say(f"\nCandidates: none; {rows[0]['fill_status']}: {rows[0]['fill_reason']}")
    else:
        say("\nCandidates, the winner first:")
        for row in candidates:
            say(_candidate(row))
    return bool(rows)


def _candidate(row: dict[str, Any]) -> str:
    origin = ", ".join(str(row[name]) for name in _ORIGIN if row[name] is not None)
    lines = [
        f"  {row['candidate_rank']}. {row['value']}  {row['source_type']},"
        f" {_confidence(row)}: {origin}"
    ]
    if row["rationale"]:
        lines.append(f"     {row['rationale']}")
    if row["model_used"]:
        lines.append(
            f"     {row['model_used']}, prompt {row['prompt_version']}, {row['imputed_at']}"
            + (", superseded by a better source" if row["is_superseded"] else "")
        )
    return "\n".join(lines)


def _confidence(row: dict[str, Any]) -> str:
    # A warehouse that was built before has neither of the two.
    if "measured_confidence" not in row:
        return f"confidence {row['confidence']:g}"
    measured = row["measured_confidence"]
    said = f"not measured ({row['confidence_basis']})"
    if measured is not None:
        said = f"measured confidence {measured:.2g} ({row['confidence_basis']})"
    if row["stated_confidence"] is not None:
        said += f", stated {row['stated_confidence']:g}"
    return said


def _show_reviews(job_id: str, attribute_id: str, url: str | None) -> bool:
    ledger = existing_ledger(ledger_url(url))
    if ledger is None:
        return False
    with ledger:
        reviews = ledger.reviews()
    found = [one for one in reviews if (one.job_id, one.attribute_id) == (job_id, attribute_id)]
    by_id = {one.review_id: one for one in found}
    if found:
        say("\nReviews, the oldest first:")
    for one in found:
        taken = by_id.get(one.withdraws or "")
        what = f"withdraws {taken.reviewer}'s {taken.said}" if taken else one.said
        shown = "" if one.shown_value is None else f" (shown {one.shown_value}, {one.shown_source})"
        reason = f": {one.reason}" if one.reason else ""
        say(f"  {one.decided_at:%Y-%m-%d %H:%M} UTC  {one.reviewer}: {what}{shown}{reason}")
    return bool(found)


def _show_said(job_id: str, attribute_id: str, url: str | None, texts: bool) -> bool:
    ledger = existing_ledger(ledger_url(url))
    if ledger is None:
        say("\nLedger: none was begun yet")
        return False
    with ledger:
        found = ledger.why(job_id, attribute_id)
    if not found:
        say("\nLedger: no model was ever asked for this cell with success")
        return False
    say("\nLedger, the latest first:")
    for number, entry in enumerate(found, 1):
        say(_entry(number, entry))
        if texts and entry.texts_dropped_at:
            say(f"     the messages were dropped on {entry.texts_dropped_at:%Y-%m-%d}")
        elif texts:
            for name, text in (
                ("system message", entry.system_text),
                ("user message", entry.user_text),
                ("schema", entry.schema_text),
                ("raw reply", _pretty(entry.raw_reply)),
            ):
                say(f"     --- {name}\n{_indented(text)}")
    return True


def _entry(number: int, entry: Why) -> str:
    answer, source = entry.answer, entry.answer.source
    tokens = f"{entry.prompt_tokens} tokens in, {entry.completion_tokens} out"
    if entry.prompt_tokens is None:
        tokens = "usage not told"
    cost = "" if entry.cost_usd is None else f", {entry.cost_usd:.6f} USD for the whole call"
    said = f"refused: {source.reason}"
    if answer.outcome == "answered":
        said = f"{answer.value}  confidence {answer.confidence:g}: {answer.rationale}"
    return (
        f"  {number}. {said}\n"
        f"     {source.model_used or source.model_requested}, prompt {source.prompt_version},"
        f" {source.answered_at:%Y-%m-%d %H:%M:%S} UTC, {entry.mode}, run {source.run_id},"
        f" request {source.request_id}\n"
        f"     {tokens}{cost}"
    )


def _pretty(reply: str | None) -> str:
    if reply is None:
        return "(none)"
    try:
        return json.dumps(json.loads(reply), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return reply


def _indented(text: str) -> str:
    return "\n".join(f"     {line}" for line in text.split("\n"))
