"""`jobforge compare`: the same masked cells for each model, and which one is worth its price."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import typer

from jobforge.cli.project import Project, Warehouse, read_vars
from jobforge.cli.terminal import say
from jobforge.cli.why import WarehouseOption
from jobforge.errors import SettingsError
from jobforge.ledger.location import DEFAULT_PATH, VARIABLE, WAREHOUSE_VARIABLE, Location

__all__ = ["compare"]

Row = Mapping[str, Any]

_COMPARED = "select * from {table} order by error nulls last, asked_model, asked_rationale"
_SPENT = """
    select coalesce(sum(cost_usd), 0) as usd from {table}
    where run_id like '%-backtest' and sent_at >= ?
"""
_HEAD = (
    f"{'model':<34}{'reason':<8}{'a call':>7}{'cells':>7}{'error (95 %)':>22}{'right':>7}"
    f"{'Brier':>7}{'ECE':>13}{'USD/1,000':>12}{'s/cell':>8}"
)


@dataclass(frozen=True)
class _Form:
    """How many cells a call asks for, and where that is asked: answers know nothing of it.

    So the answers that were given at another number of cells a call are in a ledger of their own.
    """

    per_call: int
    environment: Mapping[str, str]
    warehouse: Path


def compare(
    context: typer.Context,
    models: Annotated[str, typer.Option(help="Models' names, with commas between them.")],
    rationale: Annotated[
        str | None,
        typer.Option(help="before, after, none, or several of them.", show_default=False),
    ] = None,
    attributes_per_call: Annotated[
        str | None,
        typer.Option(help="Cells a call, one number or several.", show_default=False),
    ] = None,
    cells: Annotated[int, typer.Option(min=1, help="Masked cells for each gap.")] = 200,
    max_cost_usd: Annotated[
        float, typer.Option(min=0, help="US dollars for all models together.")
    ] = 1.0,
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask the models, without a plan and a question first.")
    ] = False,
    vars: Annotated[
        str | None, typer.Option("--vars", help="dbt vars, as for dbt build.", show_default=False)
    ] = None,
    warehouse: WarehouseOption = None,
) -> None:
    """Ask several models for the same masked cells within one budget; other options go to dbt.

    First comes what it would cost, with no call. What was answered before is not asked again, and
    nothing is asked for what is missing. The table is gold_model_comparison.
    """
    project = Project.find()
    if project is None:
        raise SettingsError("there is no dbt_project.yml in this folder or above it")
    given = read_vars(vars)
    usual = int({**project.vars, **given}.get("llm_attributes_per_call") or 16)
    ways = [
        {"model": model, **({"rationale": place} if place else {})}
        for model, place in product(_listed(models), _listed(rationale) or [""])
    ]
    forms = [
        _form(project, count, usual, Warehouse.path(warehouse, project))
        for count in (_counts(attributes_per_call) or [usual])
    ]
    asked = {
        **given,
        # Nothing is asked for what is missing, so that there is nothing for a second tier either.
        "llm_mode": "replay",
        "llm_tiers": [],
        "llm_max_calls": "none",
        "backtest_cells": cells,
        "backtest_models": ways,
    }

    def build(form: _Form, mode: str, budget: float) -> list[dict[str, Any]]:
        vars_of_form = {
            **asked,
            "llm_attributes_per_call": form.per_call,
            "backtest_cells_per_job": form.per_call,
            "backtest_mode": mode,
            "backtest_max_cost_usd": budget,
        }
        done = subprocess.run(
            _command(vars_of_form, context.args),
            cwd=project.folder,
            env={**os.environ, **form.environment},
            check=False,
        )
        if done.returncode:
            raise typer.Exit(done.returncode)
        return _read(form, "gold_model_comparison", _COMPARED)

    if not yes:
        _show_plan([row for form in forms for row in build(form, "plan", 0)], max_cost_usd)
        if not (sys.stdin.isatty() and typer.confirm("Ask them now?")):
            say("Nothing was asked: --yes asks.")
            return
    left, rows = max_cost_usd, []
    for form in forms:
        begun = datetime.now(UTC)
        rows += [(form, row) for row in build(form, "live", left)]
        ((spent,),) = (row.values() for row in _read(form, "int_llm_attempts", _SPENT, begun))
        left = max(left - spent, 0.0)
    _show(rows)
    say(f"Spent: {max_cost_usd - left:,.4f} of {max_cost_usd:,.2f} USD.")


def _listed(given: str | None) -> list[str]:
    return list(dict.fromkeys(word.strip() for word in (given or "").split(",") if word.strip()))


def _counts(given: str | None) -> list[int]:
    counts = _listed(given)
    if not all(count.isdecimal() and int(count) for count in counts):
        raise SettingsError(
            f"--attributes-per-call is {given}: it must be whole numbers of 1 or more, with commas"
        )
    return list(map(int, counts))


def _form(project: Project, per_call: int, usual: int, warehouse: Path) -> _Form:
    if per_call == usual:
        return _Form(per_call, {WAREHOUSE_VARIABLE: str(warehouse.absolute())}, warehouse)
    ledger = _ledger_file(project).absolute()
    own = warehouse.absolute().with_name(f"{warehouse.stem}_{per_call}_a_call{warehouse.suffix}")
    kept = ledger.with_name(f"{ledger.stem}_{per_call}_a_call{ledger.suffix}")
    return _Form(per_call, {WAREHOUSE_VARIABLE: str(own), VARIABLE: str(kept)}, own)


def _ledger_file(project: Project) -> Path:
    """Return the file beside which the ledgers of other forms lie: a server has one database."""
    named = Location.of(None) if os.environ.get(VARIABLE) else None
    return named.path if named and named.path else project.folder / DEFAULT_PATH


def _command(vars: Mapping[str, Any], options: Sequence[str]) -> list[str]:
    return [
        *(sys.executable, "-m", "dbt.cli.main", "build", "--select", "+gold_model_churn"),
        *("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"),
        *("--vars", json.dumps(vars), *options),
    ]


def _read(form: _Form, table: str, sql: str, *parameters: object) -> list[dict[str, Any]]:
    opened = Warehouse(form.warehouse)
    try:
        return opened.rows(table, sql, parameters)
    finally:
        opened.close()


def _show_plan(rows: Sequence[Row], budget: float) -> None:
    say(f"\n{'model':<34}{'reason':<8}{'cells':>7}{'answered':>10}{'USD for the rest':>18}")
    for row in rows:
        cost = row["estimated_cost_usd"]
        said = "not known" if cost is None else f"{cost:,.4f}"
        say(
            f"{row['asked_model']:<34}{row['asked_rationale']:<8}{row['cells']:>7,}"
            f"{row['answered_cells']:>10,}{said:>18}"
        )
    known = sum(row["estimated_cost_usd"] or 0 for row in rows)
    say(f"Together {known:,.4f} USD, of which {budget:,.2f} may be spent (--max-cost-usd).")


def _show(rows: Sequence[tuple[_Form, Row]]) -> None:
    say(f"\n{_HEAD}")
    for form, row in rows:
        say(_line(form, row))
    say(_verdict(rows))


def _line(form: _Form, row: Row) -> str:
    error = calibration = "not measured"
    if row["error"] is not None:
        error = f"{row['error']:.3f} ({row['error_low']:.3f}-{row['error_high']:.3f})"
        measured = "?" if row["measured_ece"] is None else f"{row['measured_ece']:.2f}"
        calibration = f"{row['stated_ece']:.2f} > {measured}"
    stated = row["stated_brier"]
    return (
        f"{row['asked_model']:<34}{row['asked_rationale']:<8}{form.per_call:>7}"
        f"{row['compared_cells']:>7,}{error:>22}{_share(row['right_share']):>7}"
        f"{'' if stated is None else f'{stated:.2f}':>7}{calibration:>13}"
        f"{_number(row['cost_per_1000_cells_usd'], 4):>12}{_number(row['seconds_per_cell'], 1):>8}"
    )


def _share(share: float | None) -> str:
    return "?" if share is None else f"{100 * share:.0f} %"


def _number(number: float | None, digits: int) -> str:
    return "?" if number is None else f"{number:,.{digits}f}"


def _verdict(rows: Sequence[tuple[_Form, Row]]) -> str:
    """Return which way is the cheapest of those that are as good as the best.

    Of one number of cells a call that is decided cell by cell in gold_model_comparison; between
    several a way is as good whose error is not above the upper end of the best one's interval.
    """
    judged = [(form, row) for form, row in rows if not row["is_thin"]]
    if not any(row["answered_cells"] for _, row in rows):
        return (
            "None of them has answered; the lines above say why, and jobforge doctor looks closer."
        )
    if not judged:
        return "Too few cells were answered by all of them to decide anything: raise --cells."
    best = min((row for _, row in judged), key=lambda row: row["error"])
    as_good = [
        (form, row)
        for form, row in judged
        if (
            row["is_as_good_as_best"]
            if len({form.per_call for form, _ in judged}) == 1
            else row["error"] <= best["error_high"]
        )
    ]
    priced = [one for one in as_good if one[1]["cost_per_1000_cells_usd"] is not None]
    if not priced:
        names = ", ".join(row["asked_model"] for _, row in as_good)
        return f"As good as the best: {names}. Which is the cheapest is not known: llm_prices."
    form, row = min(priced, key=lambda one: one[1]["cost_per_1000_cells_usd"])
    return (
        f"The cheapest that is not shown to be worse than the best: {row['asked_model']}, reason"
        f" {row['asked_rationale']}, {form.per_call} a call,"
        f" {row['cost_per_1000_cells_usd']:,.4f} USD for 1,000 cells."
    )
