"""Nothing but one's own files: no OaSIS, no O*NET, no NOC; and rows of them that are gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from e2e.runs import Run, Warehouse

COUNTS = "main_intermediate.input_row_counts"
ONE_MODEL = ("run", "--select", "+int_jobs_checked")
VARS: dict[str, Any] = {
    "input": "files",
    "input_noc_structure": "none",
    "input_oasis_profiles": "none",
    "input_onet_ratings": "none",
    "attributes_file": "attributes.csv",
    "authoritative_values_file": "ratings.csv",
    "llm_mode": "off",
}


def write(folder: Path, jobs: int, ratings: int) -> None:
    """Write jobs, three attributes and ratings of the first one, a job each; and OaSIS's guide."""
    (folder / "oasis").mkdir(parents=True, exist_ok=True)
    (folder / "oasis/guide_oasis_2023_v1.0.csv").write_text("Code,Name\n", encoding="utf-8")
    lines = {
        "jobs.csv": ["job_id,job_title", *(f"J{n},Clerk {n}" for n in range(jobs))],
        "attributes.csv": [
            "attribute_id,attribute_name,domain,value_type,scale_minimum,scale_maximum",
            # The last is one of OaSIS's, for which the project knows O*NET's element.
            *(
                f"{name},{name},skills,rating,0,5"
                for name in ("coding", "rhetoric", "skills_writing")
            ),
        ],
        "ratings.csv": [
            "scope_level,scope_code,attribute_id,value,dataset",
            *(f"job,J{n},coding,3,HR" for n in range(ratings)),
        ],
    }
    for name, text in lines.items():
        (folder / name).write_text("\n".join(text), encoding="utf-8")


@pytest.fixture(scope="module")
def built(copy_of_demo: Callable[..., Warehouse]) -> tuple[Warehouse, Run]:
    """Ten jobs and six ratings in a warehouse that had the demo before, and with every test."""
    warehouse = replace(copy_of_demo("own_catalogue", **VARS), with_log=True)
    warehouse.vars["data_dir"] = str(warehouse.folder / "data")
    write(warehouse.folder / "data", jobs=10, ratings=6)
    return warehouse, warehouse.dbt("build", "--exclude-resource-type", "unit_test")


def test_own_files_alone_build(built: tuple[Warehouse, Run]) -> None:
    """Inputs that are none are missed by nobody; no row is at fault, the project's own included."""
    warehouse, run = built
    run.ok()
    assert "The demo's rows take the place" not in run.output
    assert "The input attributes is read from attributes_file alone, not from " in run.output
    assert [name for name, status in run.statuses("test").items() if status == "warn"] == []
    assert warehouse.query(
        "select source_type, count(*) from main.gold_job_attributes group by all order by all"
    ) == [("AUTHORITATIVE", 6), (None, 24)]
    assert warehouse.query("select * from main_intermediate.int_quarantined_rows") == []


def test_no_extension_is_fetched_while_files_are_read(built: tuple[Warehouse, Run]) -> None:
    """DuckDB's own fetching is off from before the first file is looked for, and then as before."""
    log = (built[1].logs / "dbt.log").read_text(encoding="utf-8")
    off, on = (f"set autoinstall_known_extensions = {word}" for word in ("False", "True"))
    assert log.count(off) == log.count(on) == 1
    assert log.index(off) < log.index("from glob(")
    assert log.rindex("from glob(") < log.index(on)


@pytest.fixture(scope="module")
def cut_off(built: tuple[Warehouse, Run]) -> tuple[Warehouse, list[Run]]:
    """The same after most of its rows are gone: tried twice, and once with --empty between."""
    warehouse = built[0]
    write(warehouse.folder / "data", jobs=4, ratings=2)
    return warehouse, [
        warehouse.dbt(*ONE_MODEL),
        warehouse.dbt(*ONE_MODEL, "--empty"),
        warehouse.dbt(*ONE_MODEL),
    ]


@pytest.mark.parametrize("attempt", [0, 2])
def test_rows_that_are_gone_stop_the_run(
    cut_off: tuple[Warehouse, list[Run]], attempt: int
) -> None:
    """Each input that lost most of its rows is named with what it had; the second try stops too."""
    _, runs = cut_off
    assert runs[attempt].code != 0
    for file, rows, before in (("jobs.csv", 4, 10), ("ratings.csv", 2, 6)):
        assert f"/{file} (input " in runs[attempt].output
        assert f") has {rows} rows, and in the last build had {before}: " in runs[attempt].output
    assert "input_max_drop_share (now 0.5) to 1 for one run" in runs[attempt].output
    assert "attributes.csv" not in runs[attempt].output
    assert runs[attempt].statuses("model") == {}


def test_an_empty_run_is_no_loss(cut_off: tuple[Warehouse, list[Run]]) -> None:
    """`--empty` neither stops nor becomes what the next run is compared with."""
    cut_off[1][1].ok()


def test_a_loss_that_is_meant(cut_off: tuple[Warehouse, list[Run]]) -> None:
    """Where it is said to be meant the run goes on, and the next is compared with what it left.

    The demo's rows in place of one's own are no loss either, but are said.
    """
    warehouse, _ = cut_off
    run = warehouse.dbt(
        *(*ONE_MODEL, "+int_attributes_checked"),
        vars={"input_max_drop_share": 1, "input_attributes": "demo"},
    ).ok()
    assert "The demo's rows take the place of your own in the input attributes" in run.output
    assert "of your own in the input jobs" not in run.output
    assert warehouse.query(f"select source, row_count from {COUNTS} order by all") == [
        ("authoritative_values_file", 6),
        ("jobs_file", 4),
    ]


def test_a_file_that_is_no_longer_named(built: tuple[Warehouse, Run]) -> None:
    """HR's values do not go because a var was forgotten."""
    run = built[0].dbt(*ONE_MODEL, vars={"authoritative_values_file": ""})
    assert run.code != 0
    assert (
        "the var authoritative_values_file is empty, and in the last build named a file of 6 rows"
        in run.output
    )


def test_an_address_in_place_of_a_folder(new_warehouse: Callable[..., Warehouse]) -> None:
    """Files are read from no network: the run stops in a sentence, which shows no password.

    A table of jobs without a row stands in the same list.
    """
    warehouse = new_warehouse(
        "address",
        input_jobs="tables",
        tables_schema="hr",
        input_attributes="files",
        data_dir="https://hr:secret@127.0.0.1:9/data",
        attributes_file="s3://bucket/attributes.csv",
    )
    warehouse.query("create schema hr; create table hr.jobs (job_id text, job_title text)")
    run = warehouse.dbt("run", "--select", "+stg_jobs")
    assert run.code != 0
    for words in (
        "the var data_dir (or JOBFORGE_DATA_DIR) is an address (https://…), and nothing is loaded",
        "the var attributes_file is an address (s3://…): name a path below data_dir",
        '"hr"."jobs" (input jobs) has no row: load it again',
    ):
        assert words in run.output
    assert "secret" not in run.output
    assert "xtension" not in run.output
