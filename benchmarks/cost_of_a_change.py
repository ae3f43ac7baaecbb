"""What a change asks again: the real `dbt build` on a copy of the demo, before a loopback server.

    python benchmarks/cost_of_a_change.py

Each row is one `dbt build` after one change, on top of those before. Cells asked are those that the
server saw; tokens and money are the ledger's, by the server's counts at the model's list price.
Five attributes a call, so that an added attribute moves others into another pack. Ends with 1 where
a cell was asked that the change does not concern, or one that it concerns was not.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.compute as pc
from jobforge.answers.attempts import read_attempts
from jobforge.settings import DEFAULT_MODEL

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support.loopback_server import Asked, LoopbackServer  # noqa: E402

FILES = ("dbt_project.yml", "profiles.yml", ".dbtignore")
FOLDERS = ("models", "macros", "seeds", "tests/dbt")
VARS = {
    "llm_mode": "live",
    "llm_model": DEFAULT_MODEL,
    "llm_attributes_per_call": 5,
    "llm_max_calls": 10_000,
}
NEW_JOB = {
    "job_id": "LW-900",
    "job_title": "Workforce Planner",
    "job_family": "Talent",
    "job_function": "People and Culture",
    "unit_group": "",
}
NEW_ATTRIBUTE = {
    "attribute_id": "organisation_on_call_duty",
    "attribute_name": "On-call Duty",
    "domain": "organisation",
    "description": "Whether the job holder must be reachable outside working hours.",
    "value_type": "boolean",
}
EDITED = "organisation_customer_contact"

Row = dict[str, str]
Cell = tuple[str, str]


@dataclass
class Demo:
    """A copy of the project with a warehouse and a ledger of its own."""

    folder: Path
    base_url: str

    def __post_init__(self) -> None:
        for name in FILES:
            shutil.copy(ROOT / name, self.folder)
        for name in FOLDERS:
            shutil.copytree(ROOT / name, self.folder / name)
        no_package = shutil.ignore_patterns("jobforge*", "__pycache__")
        models = "python_models"
        shutil.copytree(ROOT / models, self.folder / models, ignore=no_package)

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    @property
    def ledger(self) -> str:
        return str(self.folder / "ledger.sqlite")

    def edit(self, seed: str, change: Callable[[list[Row]], list[Row]]) -> None:
        """Rewrite the rows of a seed."""
        path = self.folder / f"seeds/demo/{seed}.csv"
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            names, rows = reader.fieldnames or (), list(reader)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(change(rows))

    def build(self, *options: str) -> None:
        """Run `dbt build`; raises CalledProcessError, with dbt's words, where it fails."""
        command = [str(Path(sys.executable).with_name("dbt")), "--no-use-colors", "build", *options]
        command += ["--vars", json.dumps(VARS)]
        ours = ("OPENAI_", "JOBFORGE_", "DBT_")
        kept = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
        environment = {
            **kept,
            "JOBFORGE_WAREHOUSE": str(self.warehouse),
            "JOBFORGE_LEDGER": self.ledger,
            "OPENAI_BASE_URL": self.base_url,
        }
        done = subprocess.run(
            command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, text=True
        )
        if done.returncode:
            print(done.stdout[-4000:], file=sys.stderr)
            done.check_returncode()

    def missing(self) -> set[Cell]:
        """Return the cells that no source has, as (job title, attribute id)."""
        query = """
            select job_title, attribute_id
            from main_intermediate.int_missing_cells__readable
            inner join main_intermediate.int_jobs using (job_id)
        """
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return set(connection.execute(query).fetchall())

    def stale(self) -> int:
        """Return how many answers were given on other evidence than there is now."""
        query = "select count(*) from main_intermediate.int_llm_imputed_attributes where is_stale"
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            ((count,),) = connection.execute(query).fetchall()
        return int(count)


@dataclass(frozen=True)
class Change:
    """A change of the demo, and which of the missing cells it concerns."""

    name: str
    make: Callable[[Demo], None] = lambda demo: None
    concerns: Callable[[Cell], bool] = lambda cell: False
    options: tuple[str, ...] = ()


def with_attribute(rows: list[Row]) -> list[Row]:
    place = next(n for n, row in enumerate(rows) if row["domain"] == NEW_ATTRIBUTE["domain"])
    return [*rows[: place + 1], NEW_ATTRIBUTE, *rows[place + 1 :]]


def with_value(rows: list[Row]) -> list[Row]:
    known = {"scope_code": "64409", "attribute_id": EDITED}
    return [{**row, "value": "4"} if known.items() <= row.items() else row for row in rows]


def with_description(rows: list[Row]) -> list[Row]:
    edited = {"description": "How much of the working time is spent directly with customers."}
    return [{**row, **edited} if row["attribute_id"] == EDITED else row for row in rows]


CHANGES = (
    Change("first run", concerns=lambda cell: True),
    Change("nothing"),
    Change(
        "one job added",
        lambda demo: demo.edit("demo_jobs", lambda rows: [NEW_JOB, *rows]),
        lambda cell: cell[0] == NEW_JOB["job_title"],
    ),
    Change(
        "one attribute added",
        lambda demo: demo.edit("demo_attributes", with_attribute),
        lambda cell: cell[1] == NEW_ATTRIBUTE["attribute_id"],
    ),
    Change(
        "one definition edited",
        lambda demo: demo.edit("demo_attributes", with_description),
        lambda cell: cell[1] == EDITED,
    ),
    Change(
        "one known value edited: evidence for others",
        lambda demo: demo.edit("demo_authoritative_values", with_value),
    ),
    Change(
        "jobs in reverse order",
        lambda demo: demo.edit("demo_jobs", lambda rows: rows[::-1]),
    ),
    Change("`--full-refresh`", options=("--full-refresh",)),
    Change("warehouse deleted", lambda demo: demo.warehouse.unlink()),
)


def asked_cells(requests: list[Asked]) -> Counter[Cell]:
    """Return the cells of requests, as (job title, attribute id)."""
    return Counter(
        (title(request), attribute_id)
        for request in requests
        for attribute_id in request.attribute_ids
    )


def title(request: Asked) -> str:
    (data,) = re.findall(r"<job_data>\n(.*)\n</job_data>", request.messages[1]["content"])
    job: dict[str, Any] = json.loads(data)["job"]
    return str(job["title"])


def spent(ledger: str) -> dict[str, float]:
    """Return the tokens and the money of all attempts in the ledger."""
    attempts = read_attempts(ledger)
    names = ("prompt_tokens", "completion_tokens", "cost_usd")
    return {name: pc.sum(attempts.column(name)).as_py() or 0 for name in names}


def main() -> int:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder, LoopbackServer(model=None) as server:
        demo = Demo(Path(folder), server.base_url)
        before = {"prompt_tokens": 0.0, "completion_tokens": 0.0, "cost_usd": 0.0}
        print(
            "| change | cells it concerns | asked | of them unchanged | calls"
            " | tokens in, out | USD | answers now stale | seconds |"
        )
        print("|" + "---|" * 9)
        for change in CHANGES:
            server.asked.clear()
            change.make(demo)
            started = time.perf_counter()
            demo.build(*change.options)
            seconds = time.perf_counter() - started
            concerned = {cell for cell in demo.missing() if change.concerns(cell)}
            asked = asked_cells(server.asked)
            unchanged = sum(times for cell, times in asked.items() if cell not in concerned)
            wrong += asked != Counter(concerned)
            now = spent(demo.ledger)
            used = {name: now[name] - before[name] for name in now}
            before = now
            print(
                f"| {change.name} | {len(concerned)} | {asked.total()} | {unchanged}"
                f" | {len(server.asked)} | {used['prompt_tokens']:,.0f},"
                f" {used['completion_tokens']:,.0f} | {used['cost_usd']:.4f}"
                f" | {demo.stale()} | {seconds:.0f} |",
                flush=True,
            )
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
