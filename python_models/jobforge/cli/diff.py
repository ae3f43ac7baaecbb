"""`jobforge diff`: what changed in gold between two builds, from the ledger.

The families of jobs and the scales of attributes are the warehouse's; without it the rest is shown.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from jobforge.cli.ledger import LedgerOption, required_ledger
from jobforge.cli.project import Project, Warehouse, WarehouseUnavailableError
from jobforge.cli.terminal import say
from jobforge.cli.why import HistoryOption, WarehouseOption
from jobforge.errors import InputError
from jobforge.history.past import Change, changes_between, choose_history, recording_at
from jobforge.ledger import Recording

__all__ = ["diff"]

_JOBS = "select job_id, job_family from {table}"
_SCALES = """
    select attribute_id, scale_maximum - scale_minimum as width from {table}
    where scale_maximum > scale_minimum
"""
_CHURN = """
    select * from {table}
    order by asked_model, asked_rationale, other_model, other_rationale
"""
_LONGEST = 60

Cell = tuple[str, str]


@dataclass(frozen=True)
class _Known:
    """What the warehouse says of jobs and attributes; `problem` says why it says nothing."""

    families: Mapping[str, str]
    scales: Mapping[str, float]
    problem: str | None = None


@dataclass(frozen=True)
class _Move:
    """How far a number moved, as a share of its attribute's scale, or of the larger of the two."""

    change: Change
    share: float
    of: str


def diff(
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Day, moment or dbt invocation; without it the build before --to.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            help="Day, moment or dbt invocation; without it the last build that changed something.",
            show_default=False,
        ),
    ] = None,
    history: HistoryOption = None,
    models: Annotated[
        bool,
        typer.Option(
            "--models",
            help="Instead what another model or place of the reason would change, by the backtest.",
        ),
    ] = False,
    top: Annotated[int, typer.Option(min=1, help="Lines of each list.")] = 10,
    warehouse: WarehouseOption = None,
    ledger: LedgerOption = None,
) -> None:
    """Say what changed in gold between two builds: kinds, attributes, families, largest moves.

    A day means its end in UTC. Without options: what the last build that changed something changed.
    """
    if models:
        _show_churn(warehouse)
        return
    with required_ledger(ledger) as opened:
        found = choose_history(opened, history)
        last = found[-1] if to is None else recording_at(found, to)
        first = found[max(0, last.sequence - 2)] if from_ is None else recording_at(found, from_)
        if first.sequence > last.sequence:
            raise InputError("--from is later than --to")
        changes = list(changes_between(opened, first, last))
    cells = _net(changes)
    say(f"History {last.history}")
    say(f"  from  {_said(first)}")
    say(f"  to    {_said(last)}")
    say(f"{len(changes):,} changes of {len(cells):,} cells")
    if not changes:
        return
    known = _known(warehouse)
    _list("by kind", Counter(one.kind for one in changes), None)
    _list("by attribute", Counter(one.attribute_id for one in changes), top)
    if known.problem is None:
        gone = "(no longer there)"
        counts = Counter(known.families.get(one.job_id, gone) for one in changes)
        _list("by family", counts, top)
    else:
        say(f"\nby family: {known.problem}")
    moves = sorted(_moves(cells.values(), known), key=lambda move: -move.share)
    say(f"\nlargest of {len(moves):,} moves of a number")
    for move in moves[:top]:
        one = move.change
        say(
            f"  {one.job_id} {one.attribute_id}: {_short(one.value_before)} ->"
            f" {_short(one.value_after)} ({move.share:.0%} of {move.of}); {one.reason}"
        )


def _show_churn(path: Path | None) -> None:
    opened = Warehouse(Warehouse.path(path, Project.find()))
    try:
        rows = opened.rows("gold_model_churn", _CHURN)
    finally:
        opened.close()
    if not rows:
        say("no two ways to ask were tried on the same cells: jobforge compare does so")
    for row in rows:
        thin = ", too few to decide anything" if row["is_thin"] else ""
        cost = row["expected_cost_usd"]
        price = "a cost that is not known" if cost is None else f"about {cost:,.4f} USD"
        say(
            f"{row['asked_model']} ({row['asked_rationale']}) -> {row['other_model']}"
            f" ({row['other_rationale']}): another value in {row['changed_share']:.0%}"
            f" ({row['changed_share_low']:.0%} to {row['changed_share_high']:.0%}) of"
            f" {row['cells']:,} masked cells{thin}; {row['gets_right_share']:.0%} get right,"
            f" {row['gets_wrong_share']:.0%} get wrong; {row['model_cells']:,} cells to ask anew,"
            f" at {price}"
        )


def _said(recording: Recording) -> str:
    kind = "begins" if recording.kind == "layer" else "changes"
    return (
        f"{recording.recorded_at:%Y-%m-%d %H:%M:%S} UTC, recording {recording.sequence} ({kind}),"
        f" dbt invocation {recording.dbt_invocation_id}"
    )


def _net(changes: Iterable[Change]) -> dict[Cell, Change]:
    """Return of each cell what it was first and became last, with what became of it last."""
    net: dict[Cell, Change] = {}
    for one in changes:
        cell = (one.job_id, one.attribute_id)
        before = net[cell].value_before if cell in net else one.value_before
        net[cell] = replace(one, value_before=before)
    return net


def _known(path: Path | None) -> _Known:
    try:
        opened = Warehouse(Warehouse.path(path, Project.find()))
        try:
            jobs = opened.rows("int_jobs", _JOBS)
            scales = opened.rows("int_attributes", _SCALES)
        finally:
            opened.close()
    except WarehouseUnavailableError as error:
        return _Known({}, {}, str(error))
    return _Known(
        {row["job_id"]: row["job_family"] or "(no family)" for row in jobs},
        {row["attribute_id"]: float(row["width"]) for row in scales},
    )


def _list(title: str, counts: Counter[str], top: int | None) -> None:
    say(f"\n{title}")
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    for name, count in ordered[:top]:
        say(f"  {count:>10,}  {_short(name)}")
    if top is not None and len(ordered) > top:
        rest = sum(count for _, count in ordered[top:])
        say(f"  {rest:>10,}  in {len(ordered) - top:,} others")


def _moves(changes: Iterable[Change], known: _Known) -> Iterable[_Move]:
    for one in changes:
        before, after = _number(one.value_before), _number(one.value_after)
        if before is None or after is None or before == after:
            continue
        width = known.scales.get(one.attribute_id)
        if width is not None:
            yield _Move(one, abs(after - before) / width, "the scale")
        else:
            larger = max(abs(before), abs(after))
            yield _Move(one, abs(after - before) / larger, "the larger figure")


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _short(value: str | None) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
