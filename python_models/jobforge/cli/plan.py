"""`jobforge plan`: what the next run would ask and cost, by dbt itself and with no call."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from jobforge.cli.project import Project, Warehouse, WarehouseUnavailableError, read_vars
from jobforge.cli.terminal import say
from jobforge.cli.why import WarehouseOption
from jobforge.errors import SettingsError

__all__ = ["PASSES_OPTIONS_ON", "plan"]

PASSES_OPTIONS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

_BY_GAP = """
    select
        tier,
        source_gap,
        cast(sum(cells) as bigint) as cells,
        sum(estimated_calls) as calls,
        sum(estimated_cost_usd) as cost_usd,
    from {table}
    group by tier, source_gap
    order by tier, cells desc
"""


def plan(
    context: typer.Context,
    vars: Annotated[
        str | None, typer.Option("--vars", help="dbt vars, as for dbt build.", show_default=False)
    ] = None,
    warehouse: WarehouseOption = None,
) -> None:
    """Price what the next run would ask, with no call; other options go to dbt.

    Builds what gold_imputation_plan needs with llm_mode plan, then shows it by source gap; the
    second of llm_tiers as what it is expected to come to.
    """
    project = Project.find()
    if project is None:
        raise SettingsError("there is no dbt_project.yml in this folder or above it")
    done = subprocess.run(
        _command({**read_vars(vars), "llm_mode": "plan"}, context.args),
        cwd=project.folder,
        check=False,
    )
    if done.returncode:
        raise typer.Exit(done.returncode)
    _show(Warehouse.path(warehouse, project))


def _command(vars: dict[str, Any], options: list[str]) -> list[str]:
    return [
        *(sys.executable, "-m", "dbt.cli.main", "build", "--select", "+gold_imputation_plan"),
        *("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"),
        *("--vars", json.dumps(vars), *options),
    ]


def _show(path: Path) -> None:
    try:
        opened = Warehouse(path)
    except WarehouseUnavailableError:
        say("The plan is in gold_imputation_plan.")
        return
    try:
        rows = opened.rows("gold_imputation_plan", _BY_GAP)
    finally:
        opened.close()
    if rows:
        say(f"\n{'why no source has it':<40}{'cells':>10}{'calls':>10}{'USD':>12}")
    for row in rows:
        cost = "not known" if row["cost_usd"] is None else f"{row['cost_usd']:,.4f}"
        calls = 0 if row["calls"] is None else row["calls"]
        gap = row["source_gap"] if row["tier"] == 1 else f"  2nd tier, {row['source_gap']}"
        say(f"{gap:<40}{row['cells']:>10,}{calls:>10,.0f}{cost:>12}")
    say("By attribute: gold_imputation_plan.")
