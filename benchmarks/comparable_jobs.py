"""How good and how fast comparable jobs are, by the SQL of the project's own models.

Quality: each of the 900 OaSIS profiles asks in turn, with its label or with one of its example
titles, for its 245 ratings; the other 899 answer with their labels and example titles. The estimate
is the plain mean of the five most comparable, its error the mean absolute difference from the
published rating. The models rank six records and a profile's own is dropped: at most one is.

Scale: wall time of every model and peak memory of the process, on the 18,654 job titles.

    python benchmarks/comparable_jobs.py --data FOLDER [--only quality|scale]

FOLDER holds `oasis_2023_v1_0/`, `noc_2021/` and `jobs_example_titles.csv`.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import multiprocessing
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
from onet_agreement import load_oasis, load_seeds

ROOT = Path(__file__).resolve().parent.parent
FOLDER = "models/intermediate/4_comparable_jobs"
JOB_COLUMNS = ("job_id", "job_title", "job_family", "job_function", "unit_group")

# What a run is given, by text; NUMBERED makes the models' inputs of it.
GIVEN = """
create schema main_intermediate;
create table given_jobs (
    job_id text, job_title text, job_family text, job_function text, unit_group text
);
create table known_values (
    job_id text, attribute_id text, value text, source_record text
);
create table missing_cells (job_id text, attribute_id text);
"""

NUMBERED = """
create table main_intermediate.int_jobs as
select cast(row_number() over (order by job_id) as integer) as job_number, *
from given_jobs;

create table attribute_numbers as
select
    attribute_id,
    cast(row_number() over (order by attribute_id) as integer) as attribute_number
from (select attribute_id from known_values union select attribute_id from missing_cells);

create table numbered_values as
select
    *,
    cast(row_number() over () as integer) as value_id,
    cast(dense_rank() over (order by source_record) as integer) as source_record_number
from known_values;

create table main_intermediate.int_known_values as
select job_number, attribute_number, 1 as precedence_rank, value_id
from numbered_values
inner join main_intermediate.int_jobs using (job_id)
inner join attribute_numbers using (attribute_id);

create table main_intermediate.int_source_records as
select 1 as precedence_rank, value_id, source_record_number
from numbered_values;

create table main_intermediate.int_missing_cells as
select job_number, attribute_number
from missing_cells
inner join main_intermediate.int_jobs using (job_id)
inner join attribute_numbers using (attribute_id);
"""

# Every title of the data once per profile: `title` jobs answer, `label` and `example` jobs ask.
TITLES = """
create table titles as
with all_titles as (
    select profile, title, 0 as place from labels
    union
    select profile, title, 1 as place from example_titles
),

numbered as (
    select
        *,
        row_number() over (
            partition by profile order by place, hash(profile || title)
        ) as number
    from all_titles
)

select
    numbered.*,
    classes.class_title as job_function,
    left(profile, 5) as unit_group,
from numbered
inner join classes on classes.noc_code = left(profile, 1)
"""

QUALITY_JOBS = """
insert into given_jobs
select
    'title ' || profile || ' ' || lpad(cast(number as text), 4, '0'),
    title,
    null,
    case when $with_function then job_function end,
    case when $with_groups then unit_group end,
from titles
union all
select
    'asks ' || profile,
    title,
    null,
    case when $with_function then job_function end,
    case when $with_groups then unit_group end,
from titles
where number = $asking_title
"""

QUALITY_CELLS = """
insert into known_values
select
    jobs.job_id,
    ratings.attribute_id,
    cast(ratings.rating as text),
    ratings.oasis_profile
from given_jobs as jobs
inner join oasis_ratings as ratings
    on jobs.job_id like 'title %' and substr(jobs.job_id, 7, 8) = ratings.oasis_profile;

insert into missing_cells
select 'asks ' || oasis_profile, attribute_id
from oasis_ratings;
"""

QUALITY = """
with others as (
    select
        substr(asking.job_id, 6) as profile,
        attribute_id,
        cast(value as double) as value,
        row_number() over (
            partition by job_number, attribute_number order by comparable_rank
        ) as place
    from main_intermediate.int_comparable_jobs
    inner join main_intermediate.int_jobs as asking using (job_number)
    inner join numbered_values using (value_id)
    where substr(numbered_values.job_id, 7, 8) <> substr(asking.job_id, 6)
),

estimates as (
    select
        profile,
        attribute_id,
        avg(value) filter (where place <= 5) as five,
        avg(value) filter (where place = 1) as one,
        count(*) filter (where place <= 5) as found
    from others
    group by profile, attribute_id
),

errors as (
    select
        attributes.domain,
        abs(five - rating) as five_error,
        abs(one - rating) as one_error,
        coalesce(found, 0) as found,
        abs(
            (sum(rating) over of_attribute - rating) / (count(*) over of_attribute - 1) - rating
        ) as mean_error
    from oasis_ratings as ratings
    inner join attributes using (attribute_id)
    left join estimates
        on
            ratings.oasis_profile = estimates.profile
            and ratings.attribute_id = estimates.attribute_id
    window of_attribute as (partition by ratings.attribute_id)
)

select
    count(*), avg(five_error), avg(one_error), avg(mean_error), min(found)
from errors
where $domain in ('all', domain)
"""


def read_csv(path: Path) -> list[list[str]]:
    """Return the rows below the header; a bare carriage return inside a title is a blank."""
    text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", " ")
    return list(csv.reader(io.StringIO(text)))[1:]


def load_table(
    db: duckdb.DuckDBPyConnection, name: str, columns: tuple[str, ...], rows: list[list[str]]
) -> None:
    """Create a table of text columns; empty text is null."""
    table = pa.table(
        {
            column: pa.array([row[place] or None for row in rows], pa.string())
            for place, column in enumerate(columns)
        }
    )
    db.register("loaded", table)
    db.execute(f"create or replace table {name} as select * from loaded")
    db.unregister("loaded")


def compile_models(folder: Path, comparable_jobs: int) -> list[tuple[str, str]]:
    """Return name and compiled SQL of each model, in the order they depend on each other."""
    target = folder / f"target_{comparable_jobs}"
    command = ["dbt", "--quiet", "compile", "--select", f"path:{FOLDER}"]
    command += ["--target-path", str(target), "--log-path", str(folder / "logs")]
    command += ["--vars", json.dumps({"llm_comparable_jobs": comparable_jobs})]
    environment = {**os.environ, "JOBFORGE_WAREHOUSE": str(folder / "benchmark.duckdb")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"The models do not compile:\n{done.stdout}{done.stderr}")
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    models = {
        key: node
        for key, node in nodes.items()
        if node["resource_type"] == "model"
        and node["original_file_path"].startswith(FOLDER)
        and not node["name"].endswith("__readable")
    }
    compiled = target / "compiled" / "jobforge"
    ordered: dict[str, str] = {}
    while len(ordered) < len(models):
        for key, node in models.items():
            needs = [n for n in node["depends_on"]["nodes"] if n in models]
            if key not in ordered and all(n in ordered for n in needs):
                ordered[key] = (compiled / node["original_file_path"]).read_text()
    return [(models[key]["name"], sql) for key, sql in ordered.items()]


def run_models(
    db: duckdb.DuckDBPyConnection, models: list[tuple[str, str]]
) -> list[tuple[str, float, int]]:
    """Build the models as tables; return name, seconds and rows of each."""
    timings = []
    for name, sql in models:
        start = time.perf_counter()
        db.execute(f"create table main_intermediate.{name} as {sql}")
        seconds = time.perf_counter() - start
        rows = db.execute(f"select count(*) from main_intermediate.{name}").fetchall()[0][0]
        timings.append((name, seconds, rows))
    return timings


def peak_gigabytes() -> float:
    """Return the peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def open_warehouse(folder: str) -> duckdb.DuckDBPyConnection:
    """Create a warehouse with the inputs of the models, empty."""
    db = duckdb.connect(f"{folder}/benchmark.duckdb")
    db.execute("set enable_progress_bar = false")
    db.execute(GIVEN)
    return db


def load_profiles(db: duckdb.DuckDBPyConnection, data: Path) -> None:
    """Create the OaSIS ratings and titles and the NOC classes."""
    load_seeds(db)
    load_oasis(db, data)
    oasis = data / "oasis_2023_v1_0"
    labels = [row[:2] for row in read_csv(oasis / "labels_oasis_2023_v1.0.csv")]
    examples = [[row[0], row[3]] for row in read_csv(oasis / "example-titles_oasis_2023_v1.0.csv")]
    classes = [[row[2], row[3]] for row in read_csv(data / "noc_2021" / "noc_structure_en.csv")]
    load_table(db, "labels", ("profile", "title"), labels)
    load_table(db, "example_titles", ("profile", "title"), examples)
    load_table(db, "classes", ("noc_code", "class_title"), classes)
    db.execute(TITLES)


def quality(folder: str, data: Path, models: list[tuple[str, str]], **variant: bool | int) -> None:
    """Print the errors of one variant of what the asking job tells of itself."""
    db = open_warehouse(folder)
    load_profiles(db, data)
    db.execute(QUALITY_JOBS, variant)
    db.execute(QUALITY_CELLS)
    db.execute(NUMBERED)
    run_models(db, models)
    asks = "label" if variant["asking_title"] == 1 else "example title"
    tells = " + function" * variant["with_function"] + " + NOC groups" * variant["with_groups"]
    for domain in ("skills", "all"):
        cells, five, one, mean, found = db.execute(QUALITY, {"domain": domain}).fetchall()[0]
        print(
            f"{asks + tells:36} {domain:7} {cells:7,} cells  five {five:.3f}  one {one:.3f}"
            f"  attribute's mean {mean:.3f}  fewest found {found}",
            flush=True,
        )


SCALE_INPUTS = {
    "626 jobs without unit group, 245 attributes of all the others": """
        insert into known_values
        with profiles as (
            select jobs.job_id, min(titles.profile) as profile
            from jobs inner join titles using (unit_group)
            group by jobs.job_id
        )
        select job_id, attribute_id, cast(rating as text), profile
        from profiles
        inner join oasis_ratings on profiles.profile = oasis_ratings.oasis_profile;

        insert into missing_cells
        select job_id, attribute_id from jobs cross join attributes where unit_group is null
    """,
    "one own attribute, known for 2,000 jobs": """
        insert into known_values
        select job_id, 'own', '1', 'job ' || job_id
        from jobs order by hash(job_id) limit 2000;

        insert into missing_cells
        select job_id, 'own' from jobs order by hash(job_id) offset 2000
    """,
    "30 own attributes, each known for another 500 jobs": """
        create table shuffled as
        select job_id, a.range as attribute,
            row_number() over (partition by a.range order by hash(job_id || a.range)) as place
        from jobs cross join range(30) as a;

        insert into known_values
        select job_id, 'own_' || attribute, '1', 'job ' || job_id
        from shuffled where place <= 500;

        insert into missing_cells
        select job_id, 'own_' || attribute from shuffled where place > 500
    """,
    "two own attributes, each known for one half: every job asks and every job answers": """
        insert into known_values
        select job_id, 'own_' || hash(job_id) % 2, '1', 'job ' || job_id
        from jobs;

        insert into missing_cells
        select job_id, 'own_' || (hash(job_id) + 1) % 2 from jobs
    """,
}


def scale(folder: str, data: Path, models: list[tuple[str, str]], scenario: str) -> None:
    """Print the time of each model and the peak memory for one scenario."""
    db = open_warehouse(folder)
    load_profiles(db, data)
    load_table(db, "jobs", JOB_COLUMNS, read_csv(data / "jobs_example_titles.csv"))
    db.execute("insert into given_jobs from jobs")
    db.execute(SCALE_INPUTS[scenario])
    db.execute(NUMBERED)
    before = peak_gigabytes()
    cpu = time.process_time()
    timings = run_models(db, models)
    cpu = time.process_time() - cpu
    total = sum(seconds for _, seconds, _ in timings)
    print(f"{scenario}: {total:.1f} s ({cpu:.1f} s of CPU),", end=" ")
    print(f"peak {peak_gigabytes():.2f} GB (with the inputs alone {before:.2f} GB)")
    for name, seconds, rows in timings:
        print(f"    {name:28} {seconds:6.2f} s {rows:12,} rows", flush=True)


def in_fresh_process(function: Callable[..., None], *arguments: object, **named: object) -> None:
    """Run in a process of its own, so that its peak memory is its own."""
    with tempfile.TemporaryDirectory() as folder:
        process = multiprocessing.get_context("spawn").Process(
            target=function, args=(folder, *arguments), kwargs=named
        )
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(process.exitcode)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the publishers' files")
    parser.add_argument("--only", choices=["quality", "scale"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.only != "scale":
            six = compile_models(Path(folder), 6)
            for asking_title in (1, 2):
                for with_function, with_groups in ((False, False), (True, False), (True, True)):
                    in_fresh_process(
                        quality,
                        arguments.data,
                        six,
                        asking_title=asking_title,
                        with_function=with_function,
                        with_groups=with_groups,
                    )
        if arguments.only != "quality":
            five = compile_models(Path(folder), 5)
            for scenario in SCALE_INPUTS:
                in_fresh_process(scale, arguments.data, five, scenario)


if __name__ == "__main__":
    main()
