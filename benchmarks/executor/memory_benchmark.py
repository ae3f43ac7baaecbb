"""Memory while many cells are in work: ten times the cells, the same peak.

    python benchmarks/executor/memory_benchmark.py --cells 100000 1000000

Each count runs the whole executor over HTTP in a process of its own (16 cells a request).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from cpu_benchmark import serving
from server import ATTRIBUTES


def _one(base_url: str, cells: int) -> None:
    from executor_contender import drive

    before, started = _peak(), time.perf_counter()
    requests = cells // len(ATTRIBUTES)
    outcomes = asyncio.run(drive(base_url, requests, 256))
    line = {
        "cells": cells,
        "answered": outcomes["answered"] * len(ATTRIBUTES),
        "start_mb": round(before),
        "peak_mb": round(_peak()),
        "seconds": round(time.perf_counter() - started, 1),
    }
    print(json.dumps(line))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", nargs="*", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--base-url", help="run one count here, against that server")
    given = parser.parse_args()
    if given.base_url:
        return _one(given.base_url, given.cells[0])
    print("| cells | answered | MB at the start | MB at the peak | seconds |")
    print("|---|---|---|---|---|")
    with serving("--delay", "0.02") as base_url:
        for cells in given.cells:
            command = [sys.executable, str(Path(__file__)), "--base-url", base_url]
            done = subprocess.run(
                [*command, "--cells", str(cells)], capture_output=True, text=True, check=True
            )
            line = json.loads(done.stdout)
            print("| " + " | ".join(str(part) for part in line.values()) + " |", flush=True)
    return None


if __name__ == "__main__":
    main()
