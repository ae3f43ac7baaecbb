"""How fast a million answered cells come back from the ledger into the warehouse.

    python benchmarks/replay.py                            15,625 jobs x 64 attributes
    python benchmarks/replay.py --jobs 1000 --keep /tmp/replay

The cells are asked and answered once through the project's own keys and records, with no HTTP.
Then `impute` is read into a DuckDB table as dbt reads it: with nobody to ask (`off`, `replay`), and
`live` beside a server that must not see a request. Each figure is taken in a process of its own, so
that its peak of memory is its own. With --keep the ledger stays and is used again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import duckdb
from jobforge.ledger import AttemptRecord, CellAnswer, open_ledger
from jobforge.pipeline import impute
from jobforge.requests.inputs import ImputationRequest, Pack, read_packs, read_requests
from jobforge.requests.keys import Keyer
from jobforge.requests.prompts import job_message, pack_message
from jobforge.requests.schema import response_format
from jobforge.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support.loopback_server import LoopbackServer  # noqa: E402

ATTRIBUTES, IN_A_PACK, IN_A_COMMIT = 64, 16, 256
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
RATIONALE = "Three comparable jobs of the same unit group have this value."

# The columns of int_attribute_packs and int_imputation_requests, filled as full as real ones are.
PACKS = f"""
create table packs as
select
    'skills ' || (n // {IN_A_PACK} + 1) as pack_id,
    'skills' as domain,
    n % {IN_A_PACK} + 1 as pack_position,
    'skills_attribute_' || n as attribute_id,
    'Attribute ' || n as attribute_name,
    'How well the job holder must understand and use what this attribute says.' as description,
    'rating' as value_type,
    0 as scale_minimum,
    5 as scale_maximum,
    cast(null as varchar[]) as allowed_values,
    cast(null as varchar) as unit,
from range({ATTRIBUTES}) as numbers(n)
"""
REQUESTS = """
create table requests as
select
    row_number() over (order by pack_id, job) as request_order,
    format('J{:07}', job) as job_id,
    'Analyst of the kind ' || job as job_title,
    'Analytics' as job_family,
    'Digital and Technology' as job_function,
    '21211' as unit_group,
    'Data scientists' as unit_group_title,
    pack_id,
    attribute_ids,
    [
        {'attribute_name': 'Known attribute ' || k, 'value': cast((job + k) % 6 as varchar)}
        for k in range(20)
    ] as known_attributes,
    [
        {
            'job_title': 'Comparable job ' || (job + c),
            'relation': 'same unit group',
            'values': [
                {'attribute_id': a, 'value': cast((job + c) % 6 as varchar)}
                for a in attribute_ids
            ],
        }
        for c in range(5)
    ] as comparable_jobs,
from range($jobs) as jobs(job)
cross join (
    select pack_id, list(attribute_id order by pack_position) as attribute_ids
    from packs group by pack_id
)
"""


def make(folder: Path, jobs: int) -> None:
    """Write the inputs, and answer all of them in the ledger."""
    with duckdb.connect(str(folder / "inputs.duckdb")) as inputs:
        inputs.execute("set enable_progress_bar = false")
        inputs.execute(PACKS)
        inputs.execute(REQUESTS, {"jobs": jobs})
        packs = read_packs(inputs.table("packs").to_arrow_table())
        requests = inputs.table("requests").order("request_order").to_arrow_reader()
        started = time.perf_counter()
        with open_ledger(str(folder / "ledger.sqlite")) as ledger:
            records = attempts(packs, Keyer(Settings()), read_requests(requests))
            while some := list(islice(records, IN_A_COMMIT)):
                ledger.record(some)
        print(f"answered in {time.perf_counter() - started:.0f} s\n", flush=True)


def attempts(
    packs: dict[str, Pack], keyer: Keyer, requests: Iterable[ImputationRequest]
) -> Iterator[AttemptRecord]:
    """Yield an attempt for each request that answers all of its cells."""
    texts = {
        pack_id: (pack_message(pack), json.dumps(response_format(pack.attributes)))
        for pack_id, pack in packs.items()
    }
    for number, request in enumerate(requests):
        system, schema = texts[request.pack_id]
        keyed = keyer.keyed(request, packs[request.pack_id])
        sent_at = NOON + timedelta(seconds=number)
        yield AttemptRecord(
            attempt_id=f"attempt-{number:032}",
            run_id="00000000-0000-0000-0000-000000000001",
            mode="live",
            request=keyer.asked(
                keyed,
                system_text=system,
                user_text=job_message(request),
                schema_text=schema,
            ),
            status="answered",
            sent_at=sent_at,
            received_at=sent_at + timedelta(seconds=1),
            answers=tuple(
                CellAnswer(name, "answered", "3", 0.75, RATIONALE) for name in keyed.cells
            ),
            http_status=200,
            request_id=f"req_{number:032}",
            model_returned=keyer.model,
            prompt_tokens=2400,
            cached_tokens=1408,
            completion_tokens=800,
            cost_usd=0.0123,
            latency_ms=1500,
            raw_reply="x" * 2000,
        )


def replay(folder: Path, mode: str, base_url: str) -> dict[str, object]:
    """Impute in that mode into a new DuckDB table, and return what it took."""
    os.environ["JOBFORGE_LEDGER"] = str(folder / "ledger.sqlite")
    os.environ["OPENAI_BASE_URL"] = base_url
    with tempfile.TemporaryDirectory() as scratch:
        warehouse = duckdb.connect(f"{scratch}/warehouse.duckdb")
        warehouse.execute("set enable_progress_bar = false")
        warehouse.execute(f"attach '{folder}/inputs.duckdb' as inputs (read_only)")
        recorded = warehouse.read_csv(f"{ROOT}/seeds/demo/demo_llm_recorded_answers.csv")
        prices = warehouse.read_csv(f"{ROOT}/seeds/reference/model_prices.csv")
        packs = warehouse.table("inputs.packs").to_arrow_table()
        given = recorded.to_arrow_table(), prices.to_arrow_table()
        before = peak()
        wall, cpu = time.perf_counter(), time.process_time()
        requests = warehouse.table("inputs.requests").order("request_order")
        reader = impute(
            packs,
            requests.to_arrow_reader(),
            *given,
            Settings(mode=mode),
            invocation_id="replay",
            log=lambda line: None,
        )
        writer = warehouse.cursor()
        writer.register("reader", reader)
        writer.execute("create table imputed as select * from reader")
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        counts = writer.execute("select outcome, count(*) from imputed group by all").fetchall()
    return {
        "outcomes": ", ".join(f"{cells:,} {outcome}" for outcome, cells in counts),
        "cells": sum(cells for _, cells in counts),
        "wall": wall,
        "cpu": cpu,
        "start_mb": before,
        "peak_mb": peak(),
    }


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_a_process(work, *arguments):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=15_625, help="64 cells each")
    parser.add_argument("--keep", type=Path, help="folder in which the ledger stays")
    parser.add_argument("--modes", nargs="*", default=["off", "replay", "live"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, LoopbackServer() as server:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "ledger.sqlite").exists():
            in_a_process(make, folder, given.jobs)
        print("| mode | cells | seconds | CPU | cells a second | MB, start and peak | requests |")
        print("|---|---|---|---|---|---|---|")
        for mode in given.modes:
            took = in_a_process(replay, folder, mode, server.base_url)
            print(
                f"| {mode} | {took['outcomes']} | {took['wall']:.1f} | {took['cpu']:.1f}"
                f" | {took['cells'] / took['wall']:,.0f}"
                f" | {took['start_mb']:.0f}, {took['peak_mb']:.0f} | {server.count} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
