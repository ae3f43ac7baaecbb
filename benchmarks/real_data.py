"""Runs the whole of dbt on the published files and says what each stage takes.

    python benchmarks/real_data.py --data ../shared/data --max-calls 500

A loopback server stands in for the model's API. Prints a table in Markdown: per model and test the
wall seconds that dbt reports, and the highest resident memory of the dbt process meanwhile
(sampled ten times a second from /proc, so Linux only). Two threads run at once: the memory of a
stage is that of the process, not of the stage alone.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    "input": "files",
    "oasis_dir": "oasis_2023_v1_0",
    "noc_structure_file": "noc_2021/noc_structure_en.csv",
    "noc_onet_crosswalk_file": "noc_onet_crosswalk/noc2021_onet26.csv",
    "onet_dir": "onet_text",
    "jobs_file": "jobs_example_titles.csv",
}


def resident_gigabytes(pid: int) -> float:
    """Return the resident memory of a process, 0 once it has ended."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1e6
    except FileNotFoundError:
        pass
    return 0.0


def watch(process: subprocess.Popen[bytes]) -> list[tuple[float, float]]:
    """Return (time, resident gigabytes) of the process until it ends."""
    samples = []
    while process.poll() is None:
        samples.append((time.time(), resident_gigabytes(process.pid)))
        time.sleep(0.1)
    return samples


def run(data: Path, max_calls: int, threads: int, work: Path) -> int:
    server = subprocess.Popen(
        [sys.executable, "-m", "support.loopback_server", "--port", "0"],
        cwd=ROOT / "tests",
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    base_url = server.stdout.readline().strip().partition("=")[2]
    variables = {
        **FILES,
        "data_dir": str(data.resolve()),
        "llm_mode": "live",
        "llm_max_calls": max_calls,
        "llm_model": "loopback-model",
    }
    environment = {
        **os.environ,
        "JOBFORGE_WAREHOUSE": str(work / "real.duckdb"),
        "JOBFORGE_LEDGER": str(work / "ledger.sqlite"),
        "OPENAI_BASE_URL": base_url,
        "DBT_PROFILES_DIR": str(ROOT),
    }
    environment.pop("OPENAI_API_KEY", None)
    dbt = Path(sys.executable).with_name("dbt")
    arguments = ["--vars", json.dumps(variables), "--threads", str(threads)]
    arguments += ["--target-path", str(work / "target"), "--log-path", str(work / "logs")]
    started = time.time()
    process = subprocess.Popen([dbt, "build", *arguments], cwd=ROOT, env=environment)
    samples = watch(process)
    seconds = time.time() - started
    server.terminate()
    server.wait()
    print_table(work / "target" / "run_results.json", samples, seconds)
    return process.returncode


def print_table(results: Path, samples: list[tuple[float, float]], seconds: float) -> None:
    stages = []
    for result in json.loads(results.read_text())["results"]:
        executions = [step for step in result["timing"] if step["name"] == "execute"]
        if not executions or not executions[0].get("completed_at"):
            continue
        begin, end = (
            datetime.fromisoformat(executions[0][name].replace("Z", "+00:00")).timestamp()
            for name in ("started_at", "completed_at")
        )
        peak = max((gb for at, gb in samples if begin - 0.1 <= at <= end + 0.1), default=0.0)
        kind, _, name = result["unique_id"].split(".")[:3]
        stages.append((result["execution_time"], peak, kind, name, result["status"]))
    print(f"\nWhole run: {seconds:.0f} s, peak {max(gb for _, gb in samples):.1f} GB resident\n")
    for kind, title in (("model", "models"), ("test", "tests"), ("seed", "seeds")):
        own = sorted((stage for stage in stages if stage[2] == kind), reverse=True)
        failed = [stage[3] for stage in own if stage[4] not in ("success", "pass")]
        print(
            f"{len(own)} {title}: {sum(s[0] for s in own):.1f} s, not green: {failed or 'none'}\n"
        )
        print("| stage | seconds | peak GB |\n|---|---|---|")
        for took, peak, _, name, _ in own[:15]:
            print(f"| `{name}` | {took:.1f} | {peak:.1f} |")
        print()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the published files")
    parser.add_argument("--max-calls", type=int, default=500, help="bound on the calls")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        return run(given.data, given.max_calls, given.threads, Path(work))


if __name__ == "__main__":
    raise SystemExit(main())
