"""dbt started from another folder than the project's."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from jobforge.ledger import open_ledger
from ledger.builders import attempt

from e2e.runs import ROOT, Warehouse


def test_project_works_from_another_folder(place: Path, demo: Warehouse) -> None:
    """With --project-dir and --profiles-dir the project runs from any folder."""
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    warehouse = demo.copy_to(place / "elsewhere_warehouse")
    run = warehouse.dbt(
        *("run", "--select", "gold_job_attributes"),
        *("--project-dir", str(ROOT), "--profiles-dir", str(ROOT)),
        cwd=elsewhere,
    ).ok()
    assert run.statuses("model") == {"gold_job_attributes": "success"}
    assert list(elsewhere.iterdir()) == []


def test_default_warehouse_is_in_the_project(tmp_path: Path) -> None:
    """Without JOBFORGE_WAREHOUSE the warehouse is in the project's folder, not in the current."""
    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(ROOT / "profiles.yml", project)
    (project / "dbt_project.yml").write_text(
        "name: tiny\nprofile: jobforge\nflags: {send_anonymous_usage_stats: false}\n"
    )
    (project / "warehouse").mkdir()
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("dbt")), "show", "--inline", "select 1 as one"),
            *("--project-dir", str(project), "--profiles-dir", str(project)),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert (project / "warehouse" / "jobforge.duckdb").is_file()


def test_default_ledger_is_in_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without JOBFORGE_LEDGER the ledger is in the project's folder, wherever dbt is started."""
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    (project / "warehouse").mkdir()
    shutil.copy(ROOT / "profiles.yml", project)
    shutil.copy(ROOT / "python_models" / "llm_attempts.py", project / "models")
    sending = ("llm_imputed_attributes", "llm_second_tier_answers", "llm_backtest_answers")
    for sends in sending:
        (project / "models" / f"{sends}.sql").write_text("select 1 as one")
    (project / "dbt_project.yml").write_text(
        "name: tiny\nprofile: jobforge\nflags: {send_anonymous_usage_stats: false}\n"
    )
    with open_ledger(str(project / "ledger" / "jobforge.sqlite")) as ledger:
        ledger.record([attempt()])
    for name in ("JOBFORGE_LEDGER", "JOBFORGE_WAREHOUSE"):
        monkeypatch.delenv(name, raising=False)
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("dbt")), "run"),
            *("--project-dir", str(project), "--profiles-dir", str(project)),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    with duckdb.connect(str(project / "warehouse" / "jobforge.duckdb")) as warehouse:
        assert warehouse.sql("select cells_answered from llm_attempts").fetchall() == [(2,)]
    assert not (tmp_path / "ledger").exists()


def test_project_builds_as_a_package(tmp_path: Path) -> None:
    """Another project installs it with `dbt deps`, scopes its vars and gets gold in its schemas."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "filled.sql").write_text(
        "select job_id from {{ ref('gold_job_attributes') }} where value is not null"
    )
    (tmp_path / "jobs.csv").write_text("job_id,job_title\nJ1,Data Scientist\n")
    (tmp_path / "packages.yml").write_text(f"packages:\n  - local: {ROOT}\n")
    (tmp_path / "profiles.yml").write_text(
        "hr: {target: dev, outputs: {dev: {type: duckdb, path: hr.duckdb, schema: analytics}}}"
    )
    (tmp_path / "dbt_project.yml").write_text(
        "name: hr\nprofile: hr\nflags: {send_anonymous_usage_stats: false}\n"
        "vars: {jobforge: {llm_mode: 'off', input_jobs: files, data_dir: .}, input_jobs: demo}\n"
    )
    for command in (
        ["deps"],
        ["build", "--select", "+filled", "--exclude-resource-type", "test", "unit_test"],
    ):
        done = subprocess.run(
            [str(Path(sys.executable).with_name("dbt")), *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout
    with duckdb.connect(str(tmp_path / "hr.duckdb")) as warehouse:
        jobs = warehouse.sql("select distinct job_id from analytics.gold_job_attributes")
        assert jobs.fetchall() == [("J1",)]
        assert warehouse.sql("from analytics_intermediate.input_row_counts").fetchall() == [
            ("jobs", "jobs_file", 1, True)
        ]


def test_message_says_what_is_missing(tmp_path: Path) -> None:
    """With --project-dir alone dbt names --profiles-dir, which is what is missing."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("dbt")), "parse", "--project-dir", str(ROOT)],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "--profiles-dir" in done.stdout + done.stderr


def test_memory_of_duckdb_is_bounded_by_the_environment(demo: Warehouse, place: Path) -> None:
    """JOBFORGE_MEMORY_LIMIT is DuckDB's memory limit; without it DuckDB has its usual share."""
    warehouse = demo.copy_to(place / "memory")
    asked = ("show", "--inline", "select current_setting('memory_limit') as memory")
    assert "953.6 MiB" in warehouse.dbt(*asked, env={"JOBFORGE_MEMORY_LIMIT": "1GB"}).ok().output
    assert "953.6 MiB" not in warehouse.dbt(*asked).ok().output
