"""How fast the ledger writes, finds and streams, and how much memory that takes.

    python benchmarks/ledger.py                          1 M answers, SQLite in a temporary folder
    python benchmarks/ledger.py --answers 100000 --url postgresql://user@host/database

Each figure is taken in a process of its own, so that its peak of memory is its own. Requests ask
16 cells; the texts of prompt and reply have the size that real ones have.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
from jobforge.ledger import AskedCell, AskedRequest, AttemptRecord, CellAnswer, open_ledger
from jobforge.ledger.hashes import digest

CELLS = 16
SYSTEM = "An instruction or a definition of an attribute. " * 120
SCHEMA = json.dumps({"type": "object", "properties": {f"a{n}": {} for n in range(CELLS)}}) * 3
RATIONALE = "Three comparable jobs of the same unit group have this value."
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def attempts(answers: int) -> Iterator[AttemptRecord]:
    """Yield attempts that hold so many answers together."""
    digests = [digest("attribute", str(n)) for n in range(CELLS)]
    for number in range(answers // CELLS):
        user = f"Job {number}. " + "What is known of it, and of comparable jobs. " * 40
        bare = AskedRequest(
            job_id=f"J{number:07}",
            job_digest=digest("job", str(number)),
            pack_id="skills_01",
            domain="skills",
            model="gpt-4o-2024-08-06",
            parameters='{"temperature":0}',
            prompt_version="1-0123456789ab",
            instructions_hash=digest("instructions"),
            schema_version="1",
            system_text=SYSTEM,
            user_text=user,
            schema_text=SCHEMA,
            cells=(),
        )
        cells = [
            AskedCell(f"attribute_{n}", digests[n], digest("e", number, n), *bare.keys(digests[n]))
            for n in range(CELLS)
        ]
        fields = {name: getattr(bare, name) for name in AskedRequest.__dataclass_fields__}
        given = [
            CellAnswer(f"attribute_{n}", "answered", "3", 0.75, RATIONALE) for n in range(CELLS)
        ]
        yield AttemptRecord(
            attempt_id=f"attempt-{number:032}",
            run_id="00000000-0000-0000-0000-000000000001",
            mode="live",
            request=AskedRequest(**{**fields, "cells": tuple(cells)}),
            status="answered",
            sent_at=NOON + timedelta(seconds=number),
            received_at=NOON + timedelta(seconds=number + 1),
            answers=tuple(given),
            http_status=200,
            request_id=f"req_{number:032}",
            model_returned="gpt-4o-2024-08-06",
            prompt_tokens=2400,
            cached_tokens=1408,
            completion_tokens=800,
            cost_usd=0.0123,
            latency_ms=1500,
            raw_reply="x" * 2000,
        )


def write(url: str, answers: int, group: int) -> str:
    """Record the attempts in groups; the making of the records is not counted."""
    spent = cpu = 0.0
    with open_ledger(url) as ledger:
        waiting: list[AttemptRecord] = []
        for attempt in attempts(answers):
            waiting.append(attempt)
            if len(waiting) == group:
                started, used = time.perf_counter(), time.process_time()
                ledger.record(waiting)
                spent += time.perf_counter() - started
                cpu += time.process_time() - used
                waiting = []
        started, used = time.perf_counter(), time.process_time()
        ledger.record(waiting)
        spent += time.perf_counter() - started
        cpu += time.process_time() - used
        size = ledger.stats().bytes / 1e6
    made = answers / CELLS / spent
    busy = f"CPU {cpu / answers * 1e6:.0f} µs an answer"
    return f"{made:,.0f} attempts/s, {made * CELLS:,.0f} answers/s, {busy}, {size:,.0f} MB"


def look_up(url: str, answers: int, at_once: int, shuffled: bool) -> str:
    """Look every cell up, so many keys at a time."""
    with open_ledger(url, read_only=True) as ledger:
        keys = [key for batch in ledger.answers() for key in batch["cell_key"].to_pylist()]
        if shuffled:
            random.Random(0).shuffle(keys)
        before = _peak()
        clock = Clock()
        found = sum(
            len(ledger.lookup(keys[first : first + at_once]))
            for first in range(0, len(keys), at_once)
        )
        spent = str(clock)
    return f"{found:,} of {answers:,} keys found in {spent}, {_peak() - before:,.0f} MB more"


def claim(url: str, keys: int, at_once: int) -> str:
    """Claim new cells, so many at a time, and give them back."""
    with open_ledger(url) as ledger:
        started = time.perf_counter()
        for first in range(0, keys, at_once):
            some = [digest("new", number) for number in range(first, first + at_once)]
            ledger.claim(some, "run", timedelta(minutes=5))
        spent = time.perf_counter() - started
        ledger.release("run")
    return f"{keys / spent:,.0f} cells/s"


def load(url: str, answers: int) -> str:
    """Stream the answers into a DuckDB table."""
    with tempfile.TemporaryDirectory() as folder, open_ledger(url, read_only=True) as ledger:
        warehouse = duckdb.connect(str(Path(folder) / "warehouse.duckdb"))
        warehouse.execute("set enable_progress_bar = false")
        before = _peak()
        clock = Clock()
        reader = ledger.answers()
        warehouse.register("reader", reader)
        warehouse.execute("create table answers as select * from reader")
        spent = str(clock)
        (rows,) = warehouse.execute("select count(*) from answers").fetchone() or (0,)
    return f"{rows:,} rows in {spent}, peak {_peak():,.0f} MB ({_peak() - before:,.0f} more)"


def stream(url: str, answers: int) -> str:
    """Stream the answers to nowhere: the ledger's own share of loading them."""
    with open_ledger(url, read_only=True) as ledger:
        before = _peak()
        clock = Clock()
        rows = sum(batch.num_rows for batch in ledger.answers())
        spent = str(clock)
    return f"{rows:,} rows in {spent}, peak {_peak():,.0f} MB ({_peak() - before:,.0f} more)"


def open_for_a_run(url: str, answers: int) -> str:
    """Open the ledger as a run that asks does, which compares the answers' indexes."""
    clock = Clock()
    open_ledger(url).close()
    return f"{clock} with {answers:,} answers"


def verify(url: str, answers: int) -> str:
    """Derive every hash anew."""
    with open_ledger(url, read_only=True) as ledger:
        clock = Clock()
        faults = sum(1 for _ in ledger.verify())
        spent = str(clock)
    return f"{faults} faults, {spent}, peak {_peak():,.0f} MB"


def move(url: str, answers: int) -> str:
    """Export everything and import it into another ledger."""
    with tempfile.TemporaryDirectory() as folder, open_ledger(url, read_only=True) as ledger:
        path = Path(folder) / "answers.parquet"
        clock = Clock()
        ledger.export(path)
        exported = str(clock)
        size = path.stat().st_size / 1e6
        with open_ledger(str(Path(folder) / "other.sqlite")) as other:
            clock = Clock()
            report = other.import_(path)
            imported = str(clock)
    return (
        f"export {exported} ({size:,.0f} MB), import of {report.new_answers:,} answers"
        f" {imported}, peak {_peak():,.0f} MB"
    )


class Clock:
    """Seconds since it was made: on the wall, and of this process's CPU."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def __str__(self) -> str:
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return f"{wall:.1f} s (CPU {cpu:.1f} s)"


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _measured(name: str, work: Callable[..., str], *arguments: object) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        print(f"{name:<44} {pool.apply(work, arguments)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--answers", type=int, default=1_000_000)
    parser.add_argument("--url", help="an empty ledger; a temporary file unless it is given")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small, large = (given.url or f"{folder}/{name}.sqlite" for name in ("small", "large"))
        if not given.url:
            for group in (1, 16, 256):
                path = f"{small}{group}"
                _measured(f"record, {group} attempts a commit", write, path, 320 * group, group)
        answers = given.answers
        _measured(f"record {answers:,} answers, 256 attempts a commit", write, large, answers, 256)
        _measured("look up, 4,096 at a time", look_up, large, answers, 4096, False)
        _measured("look up, 4,096 at a time, shuffled", look_up, large, answers, 4096, True)
        _measured("look up, all at once", look_up, large, answers, answers, False)
        _measured("claim, 4,096 cells at a time", claim, large, 4096 * 25, 4096)
        _measured("stream", stream, large, answers)
        _measured("stream into a DuckDB table", load, large, answers)
        _measured("open for a run", open_for_a_run, large, answers)
        _measured("verify", verify, large, answers)
        _measured("export and import", move, large, answers)


if __name__ == "__main__":
    main()
