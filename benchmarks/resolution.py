"""What each step of the resolution costs against a plain copy of its rows.

    python benchmarks/resolution.py --warehouse FILE

FILE is a built warehouse, which is only read. Each step is the project's own compiled SQL, or the
window that it does without, written into a new database by one thread; CPU seconds are medians of
three rounds, and the ratio is against `create table as select *` of the candidates: by their ids
for the steps that go by ids, with their texts for gold.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parent.parent
MODELS = (
    "int_known_values",
    "int_missing_cells",
    "int_resolved_cells",
    "gold_job_attribute_provenance",
    "gold_job_attributes",
)
CANDIDATES = "main_intermediate.int_candidates"
WITH_TEXTS = """
    select * exclude (candidate_rank, is_winner)
    from main.gold_job_attribute_provenance
"""
RANKED_BY_A_WINDOW = f"""
    select
        job_number, attribute_number, precedence_rank, value_id,
        row_number() over (
            partition by job_number, attribute_number order by precedence_rank, scope_rank
        ) as candidate_rank
    from {CANDIDATES}
"""


def compiled(warehouse: Path, folder: Path) -> dict[str, str]:
    """Return the models' SQL as dbt compiles it on that warehouse, by name.

    The ranks alone are the provenance's own CTEs without the texts.
    """
    target = folder / "target"
    command = [str(Path(sys.executable).with_name("dbt")), "--quiet", "compile"]
    command += ["--select", *MODELS, "--target-path", str(target), "--log-path", str(folder)]
    environment = {**os.environ, "JOBFORGE_WAREHOUSE": str(warehouse)}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    nodes = json.loads((target / "manifest.json").read_text())["nodes"].values()
    return {
        node["name"]: (target / "compiled" / "jobforge" / node["original_file_path"]).read_text()
        for node in nodes
        if node["resource_type"] == "model" and node["name"] in MODELS
    }


def cpu_of(warehouse: Path, sql: str) -> float:
    """Return the CPU seconds of writing a query's rows into a new database."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(f"{folder}/new.duckdb") as db:
        name = warehouse.stem
        db.execute("set threads = 1")
        db.execute(f"attach '{warehouse}' as \"{name}\" (read_only)")
        db.execute(f'use "{name}".main')
        started = time.process_time()
        db.execute(f"create table new.main.written as {sql}")
        return time.process_time() - started


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--warehouse", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    warehouse = given.warehouse.resolve()
    with tempfile.TemporaryDirectory() as folder:
        models = compiled(warehouse, Path(folder))
    ranks = models["gold_job_attribute_provenance"].rpartition("\n\nselect\n")[0]
    by_ids = "copy of the candidates by ids"
    by_texts = "copy of the candidates with texts"
    steps = {
        by_ids: (f"select * from {CANDIDATES}", by_ids),
        "ranks of the candidates by a window": (RANKED_BY_A_WINDOW, by_ids),
        "ranks of the candidates, as they are": (
            f"{ranks} select * from ranked_candidates",
            by_ids,
        ),
        **{f"`{name}`": (models[name], by_ids) for name in MODELS[:3]},
        by_texts: (WITH_TEXTS, by_texts),
        **{f"`{name}`": (models[name], by_texts) for name in MODELS[3:]},
    }
    medians = {
        name: statistics.median(cpu_of(warehouse, sql) for _ in range(given.rounds))
        for name, (sql, _) in steps.items()
    }
    print("| step | CPU seconds | against the copy |\n|---|---|---|")
    for name, (_, copy) in steps.items():
        print(f"| {name} | {medians[name]:.1f} | {medians[name] / medians[copy]:.1f} |")


if __name__ == "__main__":
    main()
