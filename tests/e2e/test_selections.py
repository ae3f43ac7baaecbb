"""One table of gold by itself, as orchestrators and CI ask for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from e2e.runs import ROOT, Run, Warehouse, manifest

PROFILE = """
jobforge:
  target: ci
  outputs:
    ci: {type: duckdb, path: "{{ env_var('JOBFORGE_WAREHOUSE') }}", schema: ci, threads: 2}
"""


def run_all(warehouse: Warehouse, profiles: Path, commands: list[str]) -> None:
    """Run dbt commands on a warehouse in one process; every one of them ends well."""
    target = warehouse.folder / "target"
    options = [
        *("--project-dir", str(ROOT), "--profiles-dir", str(profiles)),
        *("--target-path", str(target), "--log-path", str(warehouse.folder / "logs")),
        *("--vars", json.dumps(warehouse.vars)),
    ]
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("one_process.py")), *options],
        input=json.dumps(commands),
        cwd=warehouse.folder,
        env={
            **os.environ,
            "JOBFORGE_WAREHOUSE": str(warehouse.path),
            "JOBFORGE_LEDGER": str(warehouse.ledger),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    failed = json.loads(done.stderr.splitlines()[-1])
    assert failed == dict.fromkeys(commands, ""), done.stdout


@pytest.fixture(scope="module")
def gold(demo_build: tuple[Warehouse, Run]) -> list[str]:
    """The models of gold."""
    nodes = manifest(demo_build[1].target)["nodes"].values()
    found = [node["name"] for node in nodes if node["path"].startswith("gold/gold_")]
    assert len(found) >= 6
    return sorted(name for name in found if "test" not in name)


def test_each_table_of_gold_alone(copy_of_demo: Callable[..., Warehouse], gold: list[str]) -> None:
    """A task for one model, as Airflow, Cosmos or Dagster run it, ends well."""
    run_all(copy_of_demo("alone"), ROOT, [f"build --select {name}" for name in gold])


def test_each_table_of_gold_deferred(
    demo_build: tuple[Warehouse, Run],
    copy_of_demo: Callable[..., Warehouse],
    gold: list[str],
    tmp_path: Path,
) -> None:
    """Slim CI builds one model in a schema of its own, on what production has built."""
    (tmp_path / "profiles.yml").write_text(PROFILE)
    warehouse = copy_of_demo("deferred")
    state = demo_build[1].target
    run_all(
        warehouse, tmp_path, [f"build --select {name} --defer --state {state}" for name in gold]
    )
    with duckdb.connect(str(warehouse.path)) as connection:
        built = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'ci' order by 1"
        ).fetchall()
    assert [name for (name,) in built] == gold


def test_what_is_numbered_is_numbered_one_after_the_other(
    demo_build: tuple[Warehouse, Run],
) -> None:
    """Each drops what stands on former numbers, and no table can be dropped twice at a time."""
    nodes = manifest(demo_build[1].target)["nodes"]
    numbered = [
        name
        for name, node in nodes.items()
        if "stop_at_former_numbers" in json.dumps(node["config"].get("post-hook", []))
    ]
    assert len(numbered) == 2
    needed = {name: set(nodes[name]["depends_on"]["nodes"]) for name in numbered}
    first, second = numbered
    assert first in needed[second] or second in needed[first]


def test_one_table_of_gold_with_all_that_it_needs(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    """On a fresh warehouse `+` builds a table, and tests nothing that is not there."""
    warehouse = new_warehouse("with_parents", llm_mode="replay")
    run = warehouse.dbt(
        *("build", "--select", "+gold_job_attributes", "--exclude-resource-type", "unit_test")
    ).ok()
    assert run.statuses("model")["gold_job_attributes"] == "success"
    assert len(run.statuses("test")) > 100
    assert any("JobForge: 1000 cells" in line for line in run.lines)


def test_no_value_is_joined_to_another_job(copy_of_demo: Callable[..., Warehouse]) -> None:
    """A job that is added before others moves their numbers: what stands on the old ones stops."""
    warehouse = copy_of_demo("renumbered")
    gold = "select * from main.gold_job_attributes order by all"
    before = warehouse.query(gold)
    warehouse.query(
        "insert into main_demo.demo_jobs (job_id, job_title) values ('ZZ-999', 'Last of all')"
    )
    kept = warehouse.dbt("run", "--select", "int_jobs_checked", "int_jobs").ok()
    assert "other ids than before" not in kept.output
    # What numbers nobody takes nothing from what was numbered before.
    warehouse.dbt("run", "--empty", "--select", "int_jobs_checked", "int_jobs").ok()
    warehouse.query("insert into main_demo.demo_jobs (job_id, job_title) values ('AA-1', 'First')")
    moved = warehouse.dbt("run", "--select", "int_jobs_checked", "int_jobs").ok()
    (said,) = {line for line in moved.lines if "other ids than before" in line}
    assert "dbt build --select int_jobs+" in said
    assert warehouse.dbt("run", "--select", "gold_job_attributes").code == 1
    assert warehouse.query(gold) == before
    whole = warehouse.dbt("run", "--select", "int_jobs+").ok()
    assert "other ids than before" not in whole.output
    same = "select * from main.gold_job_attributes where job_id not in ('AA-1', 'ZZ-999')"
    shown = "job_id, attribute_id, value, fill_status, source_record"
    had = {(row[0], row[1], row[5]) for row in before}
    assert {(r[0], r[1], r[2]) for r in warehouse.query(f"select {shown} from ({same})")} == had
