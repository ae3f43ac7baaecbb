"""`jobforge review`: cells go out to people as a file, and what they say comes back.

The warehouse is only read. What people say goes to the ledger, which outlives the warehouse; the
next `dbt build` brings it into gold.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from jobforge.cli.ledger import LedgerOption, required_ledger
from jobforge.cli.project import Project, Warehouse, ledger_url
from jobforge.cli.terminal import say
from jobforge.cli.why import WarehouseOption
from jobforge.errors import JobForgeError, SettingsError
from jobforge.ledger import Review, open_ledger
from jobforge.requests.inputs import Attribute
from jobforge.review.checks import Outcome, check_rows
from jobforge.review.delimited import read_delimited, write_delimited
from jobforge.review.sheet import Cell, FilledRow, bounded, possible_values, seal
from jobforge.review.workbook import read_workbook, write_workbook

__all__ = ["app"]

app = typer.Typer(
    help="Takes cells to people and brings back what they say.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Row = dict[str, Any]

_QUEUE = "select * from {table} order by queue_rank nulls last, random_rank"
_CELLS = """
    select job_id, attribute_id, value, source_type from {table}
    where job_id in (select unnest(?))
"""
_ATTRIBUTES = """
    select attribute_id, attribute_name, domain, description, value_type, scale_minimum,
        scale_maximum, allowed_values, unit
    from {table}
"""
_PROBLEMS_SHOWN = 50


class ReviewError(JobForgeError):
    """What was asked for cannot be reviewed; the message says what to do."""


@app.command()
def export(
    file: Path,
    top: Annotated[int, typer.Option(min=1, help="How many cells, the most urgent first.")] = 200,
    random: Annotated[
        str, typer.Option(help="The part of them that is drawn by chance, such as 10%.")
    ] = "10%",
    sample: Annotated[
        str | None,
        typer.Option(help="Instead a sample of all such cells, such as 5%.", show_default=False),
    ] = None,
    domain: Annotated[
        str | None, typer.Option(help="Only cells of this domain.", show_default=False)
    ] = None,
    warehouse: WarehouseOption = None,
) -> None:
    """Write cells for people to look at: an Excel workbook (.xlsx) or CSV (.csv)."""
    _check_suffix(file)
    if file.exists():
        raise ReviewError(f"{file} is there already, perhaps with somebody's work in it")
    queue = _queue(warehouse, domain)
    population = int(queue[0]["reviewable_in_domain" if domain else "reviewable_cells"])
    chosen = (
        _sampled(queue, population, sample)
        if sample
        else _by_risk(queue, population, top, _share(random))
    )
    export_id = secrets.token_hex(8)
    rows = [_sheet_row(row, drawn, weight, export_id) for row, drawn, weight in chosen]
    if file.suffix.lower() == ".csv":
        write_delimited(file, [texts for texts, _ in rows])
    else:
        write_workbook(file, rows)
    by_chance = sum(drawn == "random" for _, drawn, _ in chosen)
    say(f"{len(rows)} cells are in {file}, {by_chance} of them drawn by chance")
    say("fill in the last four columns, then: jobforge review import FILE")


@app.command("import")
def import_(
    file: Path,
    reviewer: Annotated[
        str | None,
        typer.Option(help="Who it was, where a row does not say.", show_default=False),
    ] = None,
    warehouse: WarehouseOption = None,
    ledger: LedgerOption = None,
) -> None:
    """Check every row of a filled file and write those that hold to the ledger.

    Exit code 1 where a row was not taken. A file can be imported again: nothing is taken twice.
    """
    _check_suffix(file)
    read: Callable[[Path], Iterable[FilledRow]] = (
        read_delimited if file.suffix.lower() == ".csv" else read_workbook
    )
    opened = Warehouse(Warehouse.path(warehouse, Project.find()))
    try:
        rows = list(read(file))
        cells = _cells(opened, rows)
    finally:
        opened.close()
    outcomes = check_rows(rows, lambda *cell: cells.get(cell), datetime.now(UTC), reviewer)
    reviews = [one.review for one in outcomes if one.review]
    new = 0
    if reviews:
        with open_ledger(ledger_url(ledger)) as kept:
            new = kept.add_reviews(reviews)
    _report(outcomes, reviews, new)


def _report(outcomes: Sequence[Outcome], reviews: Sequence[Review], new: int) -> None:
    problems = [one for one in outcomes if one.problem]
    for one in outcomes:
        if one.review:
            review = one.review
            say(f"row {one.row.number}: {review.job_id} {review.attribute_id}: {review.said}")
    for one in problems[:_PROBLEMS_SHOWN]:
        say(f"row {one.row.number} was not taken: {one.problem}")
    if len(problems) > _PROBLEMS_SHOWN:
        say(f"and {len(problems) - _PROBLEMS_SHOWN} more that were not taken")
    say(
        f"{len(reviews)} rows taken, {new} of them new; {len(problems)} not taken;"
        f" {sum(one.is_empty for one in outcomes)} not filled in"
    )
    if new:
        say("dbt build brings them into gold")
    if problems:
        raise typer.Exit(1)


@app.command()
def withdraw(
    job_id: str,
    attribute_id: str,
    reviewer: Annotated[str, typer.Option(help="Who takes it back.")],
    reason: Annotated[str | None, typer.Option(help="Why.", show_default=False)] = None,
    ledger: LedgerOption = None,
) -> None:
    """Take back what was last said of a cell, so that what was said before it holds again."""
    with required_ledger(ledger) as opened:
        found = opened.reviews()
    gone = {one.withdraws for one in found}
    standing = [
        one
        for one in found
        if (one.job_id, one.attribute_id) == (job_id, attribute_id)
        and one.decision != "withdraw"
        and one.review_id not in gone
    ]
    if not standing:
        raise ReviewError(f"there is no review of {job_id!r} {attribute_id!r} to withdraw")
    last = standing[-1]
    withdrawal = Review(
        job_id=job_id,
        attribute_id=attribute_id,
        decision="withdraw",
        reviewer=reviewer,
        decided_at=datetime.now(UTC),
        reason=reason,
        withdraws=last.review_id,
    )
    with open_ledger(ledger_url(ledger)) as kept:
        kept.add_reviews([withdrawal])
    say(f"{last.reviewer}'s `{last.said}` of {last.decided_at:%Y-%m-%d} is withdrawn")
    say("dbt build brings back what holds without it")


def _check_suffix(file: Path) -> None:
    if file.suffix.lower() not in (".xlsx", ".csv"):
        raise ReviewError(f"{file} is neither .xlsx nor .csv")


def _share(text: str) -> float:
    try:
        share = float(text.strip().removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1 or not text.strip().endswith("%"):
        raise SettingsError(f"{text!r} is no share such as 10%")
    return share


def _queue(warehouse: Path | None, domain: str | None) -> list[Row]:
    opened = Warehouse(Warehouse.path(warehouse, Project.find()))
    try:
        rows = opened.rows("gold_review_queue", _QUEUE)
    finally:
        opened.close()
    if domain is not None:
        domains = {row["domain"] for row in rows}
        rows = [row for row in rows if row["domain"] == domain]
        if not rows and domains:
            raise ReviewError(f"no cell of {domain!r} waits; of {', '.join(sorted(domains))} do")
    if not rows:
        raise ReviewError("no cell waits for a review: every value is somebody's, or was looked at")
    return rows


Chosen = list[tuple[Row, str, float]]


def _by_risk(queue: Sequence[Row], population: int, top: int, share: float) -> Chosen:
    """Take the first cells, and some by chance of all others, each of which stands for many."""
    first = [row for row in queue if row["queue_rank"] is not None]
    wanted = max(1, round(top * share)) if share else 0
    risk = first[: top - wanted]
    taken = {(row["job_id"], row["attribute_id"]) for row in risk}
    others = [row for row in _by_chance(queue) if (row["job_id"], row["attribute_id"]) not in taken]
    drawn = others[:wanted]
    rest = population - len(risk)
    return [(row, "risk", 1.0) for row in risk] + [
        (row, "random", rest / len(drawn)) for row in drawn
    ]


def _by_chance(queue: Sequence[Row]) -> list[Row]:
    drawn = [row for row in queue if row["random_rank"] is not None]
    return sorted(drawn, key=lambda row: int(row["random_rank"]))


def _sampled(queue: Sequence[Row], population: int, sample: str) -> Chosen:
    wanted = max(1, round(population * _share(sample)))
    by_chance = _by_chance(queue)
    if len(by_chance) < wanted:
        raise ReviewError(
            f"{sample} of {population:,} cells are {wanted:,}, and the warehouse has drawn"
            f" {len(by_chance):,}: dbt build -s gold_review_queue"
            f" --vars '{{review_random_cells: {wanted}}}'"
        )
    return [(row, "random", population / wanted) for row in by_chance[:wanted]]


def _sheet_row(
    row: Row, drawn: str, weight: float, export_id: str
) -> tuple[dict[str, str | None], Attribute]:
    attribute = _attribute(row)
    texts: dict[str, str | None] = {
        "job_id": row["job_id"],
        "job_title": bounded(row["job_title"]),
        "job_family": bounded(row["job_family"]),
        "attribute_id": row["attribute_id"],
        "attribute_name": bounded(row["attribute_name"]),
        "description": bounded(row["description"]),
        "possible_values": bounded(possible_values(attribute)),
        "shown_value": row["value"],
        "shown_source": row["source_type"],
        "sureness": _sureness(row),
        "rationale": bounded(row["rationale"]),
        "comparable_values": bounded(row["comparable_values"]),
        "candidates": bounded(row["candidates"]),
        "history": bounded(row["history"]),
        "export_id": export_id,
        "drawn": drawn,
        "weight": f"{weight:.6g}",
        "shown_model": row["model_used"],
        "shown_prompt_version": row["prompt_version"],
    }
    texts["seal"] = seal(texts)
    return texts, attribute


def _sureness(row: Row) -> str:
    measured, stated = row["measured_confidence"], row["stated_confidence"]
    said = "not measured" if measured is None else f"measured: right in {measured:.0%}"
    if stated is not None:
        said += f"; the model says {stated:.0%}"
    if row["value_low"] is not None:
        said += f"; probably between {row['value_low']:g} and {row['value_high']:g}"
    return said


def _attribute(row: Row) -> Attribute:
    def decimal(name: str) -> Decimal | None:
        return None if row[name] is None else Decimal(repr(row[name])).normalize()

    return Attribute(
        attribute_id=row["attribute_id"],
        name=row["attribute_name"],
        domain=row["domain"],
        description=row["description"] or "",
        value_type=row["value_type"],
        scale_minimum=decimal("scale_minimum"),
        scale_maximum=decimal("scale_maximum"),
        allowed_values=tuple(row["allowed_values"] or ()),
        unit=row["unit"],
    )


def _cells(warehouse: Warehouse, rows: Iterable[FilledRow]) -> dict[tuple[str, str], Cell]:
    """Return the cells of the file's jobs by job and attribute, read at once."""
    attributes = {
        row["attribute_id"]: _attribute(row)
        for row in warehouse.rows("int_attributes", _ATTRIBUTES)
    }
    jobs = sorted({row.texts["job_id"] or "" for row in rows})
    return {
        (row["job_id"], row["attribute_id"]): Cell(
            attributes[row["attribute_id"]], row["value"], row["source_type"]
        )
        for row in warehouse.rows("gold_job_attributes", _CELLS, (jobs,))
        if row["attribute_id"] in attributes
    }
