"""Runs dbt on the published files and says what each stage takes.

    python benchmarks/real_data.py --data ../shared/data --max-calls 500
    python benchmarks/real_data.py --data ../shared/data --against REVISION --rounds 3
    python benchmarks/real_data.py --data ../shared/data --times 10 --memory 4GB
    python benchmarks/real_data.py --data ../shared/data --again

The first is one whole `dbt build` that asks a loopback server. The second holds this checkout
against another commit, in turns, with `llm_mode: off`: ratios of the medians. The third takes each
title so many times, under its own id, through `dbt run` in so much memory for DuckDB, and sets its
wall time against that of the titles once. The fourth builds anew where nothing changed, and with
one job more.

Prints tables in Markdown. CPU and memory are the dbt process's, sampled ten times a second from
/proc, so Linux only. With one dbt thread, as the comparison uses, a node's CPU is the process's
while that node ran; with two the memory of a stage is that of the process, not of the stage alone.
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
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    "input": "files",
    "oasis_dir": "oasis_2023_v1_0",
    "noc_structure_file": "noc_2021/noc_structure_en.csv",
    "noc_onet_crosswalk_file": "noc_onet_crosswalk/noc2021_onet26.csv",
    "onet_dir": "onet_text",
    "jobs_file": "jobs_example_titles.csv",
}
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sample:
    """The process at a moment: seconds since the epoch, CPU seconds so far, resident gigabytes."""

    at: float
    cpu: float
    gigabytes: float


@dataclass(frozen=True)
class Stage:
    """One node of dbt's: what it took, and the most memory meanwhile."""

    kind: str
    name: str
    status: str
    seconds: float
    cpu: float
    gigabytes: float


@dataclass(frozen=True)
class Figures:
    """One dbt command."""

    code: int
    seconds: float
    cpu: float
    gigabytes: float
    file_megabytes: float
    stages: list[Stage]

    def cpu_of(self, kind: str) -> float:
        """CPU seconds of all nodes of a kind."""
        return sum(stage.cpu for stage in self.stages if stage.kind == kind)


def sample(pid: int) -> Sample | None:
    """Return the process as it is, None once it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                cpu = (int(fields[11]) + int(fields[12])) / TICKS
                return Sample(time.time(), cpu, int(line.split()[1]) / 1e6)
    except FileNotFoundError:
        pass
    return None


def watch(process: subprocess.Popen[bytes]) -> list[Sample]:
    """Return samples of the process until it ends."""
    samples = []
    while process.poll() is None:
        if (now := sample(process.pid)) is not None:
            samples.append(now)
        time.sleep(0.1)
    return samples


def cpu_at(samples: list[Sample], at: float) -> float:
    """Return the CPU seconds at a moment, between two samples in proportion."""
    place = bisect_left(samples, at, key=lambda one: one.at)
    if place in (0, len(samples)):
        return samples[max(place - 1, 0)].cpu
    before, after = samples[place - 1], samples[place]
    share = (at - before.at) / (after.at - before.at)
    return before.cpu + share * (after.cpu - before.cpu)


def stages(results: Path, samples: list[Sample]) -> Iterator[Stage]:
    """Yield what each executed node took."""
    for result in json.loads(results.read_text())["results"]:
        executions = [step for step in result["timing"] if step["name"] == "execute"]
        if not executions or not executions[0].get("completed_at"):
            continue
        # From the start of compilation: dbt renders a model, and asks for what it renders, there.
        moments = [
            datetime.fromisoformat(step[name].replace("Z", "+00:00")).timestamp()
            for step in result["timing"]
            for name in ("started_at", "completed_at")
        ]
        begin, end = min(moments), max(moments)
        peak = max((s.gigabytes for s in samples if begin - 0.1 <= s.at <= end + 0.1), default=0.0)
        kind, _, name = result["unique_id"].split(".")[:3]
        cpu = cpu_at(samples, end) - cpu_at(samples, begin)
        yield Stage(kind, name, result["status"], result["execution_time"], cpu, peak)


def dbt(
    command: str,
    checkout: Path,
    work: Path,
    variables: dict[str, Any],
    *,
    threads: int,
    more: dict[str, str] | None = None,
    options: Sequence[str] = (),
) -> Figures:
    """Run one dbt command of a checkout on the warehouse in `work`."""
    mine = {name: text for name, text in os.environ.items() if not name.startswith("OPENAI_")}
    warehouse = work / "real.duckdb"
    environment = {
        **mine,
        "JOBFORGE_WAREHOUSE": str(warehouse),
        "JOBFORGE_LEDGER": str(work / "ledger.sqlite"),
        "DBT_PROFILES_DIR": str(checkout),
        "PYTHONPATH": str(checkout / "python_models"),
        **(more or {}),
    }
    arguments = ["--vars", json.dumps(variables), "--threads", str(threads)]
    arguments += ["--target-path", str(work / "target"), "--log-path", str(work / "logs")]
    program = Path(sys.executable).with_name("dbt")
    started = time.time()
    with (work / "console.txt").open("ab") as console:
        process = subprocess.Popen(
            [program, command, *options, *arguments], cwd=checkout, env=environment, stdout=console
        )
        samples = watch(process)
    seconds = time.time() - started
    found = list(stages(work / "target" / "run_results.json", samples))
    return Figures(
        process.returncode,
        seconds,
        samples[-1].cpu,
        max(one.gigabytes for one in samples),
        warehouse.stat().st_size / 1e6,
        found,
    )


@contextmanager
def loopback() -> Iterator[str]:
    """Serve the project's loopback server; gives its base URL."""
    server = subprocess.Popen(
        [sys.executable, "-m", "support.loopback_server", "--port", "0"],
        cwd=ROOT / "tests",
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip().partition("=")[2]
    finally:
        server.terminate()
        server.wait()


@contextmanager
def checkout_of(revision: str) -> Iterator[Path]:
    """Give a working tree of another commit for as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "checkout"
        subprocess.run(
            ["git", "worktree", "add", "--quiet", "--detach", str(tree), revision],
            cwd=ROOT,
            check=True,
        )
        try:
            yield tree
        finally:
            subprocess.run(
                ["git", "worktree", "remove", "--force", str(tree)], cwd=ROOT, check=True
            )


def print_stages(figures: Figures, most: int = 15) -> None:
    print(f"\nWhole run: {figures.seconds:.0f} s, peak {figures.gigabytes:.1f} GB resident\n")
    for kind, title in (("model", "models"), ("test", "tests"), ("seed", "seeds")):
        own = [stage for stage in figures.stages if stage.kind == kind]
        own.sort(key=lambda stage: -stage.seconds)
        failed = [stage.name for stage in own if stage.status not in ("success", "pass")]
        total = sum(stage.seconds for stage in own)
        print(f"{len(own)} {title}: {total:.1f} s, not green: {failed or 'none'}\n")
        print("| stage | seconds | CPU seconds | peak GB |\n|---|---|---|---|")
        for one in own[:most]:
            print(f"| `{one.name}` | {one.seconds:.1f} | {one.cpu:.1f} | {one.gigabytes:.1f} |")
        print(flush=True)


def whole_build(data: Path, max_calls: int, threads: int) -> int:
    """One `dbt build` that asks."""
    variables = {"llm_mode": "live", "llm_max_calls": max_calls, "llm_model": "loopback-model"}
    with tempfile.TemporaryDirectory() as work, loopback() as base_url:
        figures = dbt(
            "build",
            ROOT,
            Path(work),
            {**FILES, "data_dir": str(data), **variables},
            threads=threads,
            more={"OPENAI_BASE_URL": base_url},
        )
        print_stages(figures)
        return figures.code


def comparison(data: Path, revision: str, rounds: int) -> int:
    """This checkout and another commit in turns: builds with their tests, nobody is asked."""
    variables = {**FILES, "data_dir": str(data), "llm_mode": "off"}
    runs: dict[str, list[Figures]] = {"before": [], "now": []}
    with checkout_of(revision) as before:
        for number in range(rounds):
            for name, checkout in (("before", before), ("now", ROOT)):
                with tempfile.TemporaryDirectory() as work:
                    figures = dbt("build", checkout, Path(work), variables, threads=1)
                runs[name].append(figures)
                print(
                    f"round {number + 1}, {name}: {figures.seconds:.0f} s,"
                    f" models' CPU {figures.cpu_of('model'):.1f} s, code {figures.code}",
                    flush=True,
                )
    print("\n| median of the rounds | before | now | ratio |\n|---|---|---|---|")
    for title, figure in (
        ("models' CPU seconds", lambda one: one.cpu_of("model")),
        ("tests' CPU seconds", lambda one: one.cpu_of("test")),
        ("whole build, wall seconds", lambda one: one.seconds),
        ("whole build, CPU seconds", lambda one: one.cpu),
        ("peak gigabytes", lambda one: one.gigabytes),
        ("database file, megabytes", lambda one: one.file_megabytes),
    ):
        old, new = (statistics.median(map(figure, runs[name])) for name in ("before", "now"))
        print(f"| {title} | {old:.1f} | {new:.1f} | {new / old:.2f} |")
    print_stages(runs["now"][-1])
    return max(one.code for one in runs["before"] + runs["now"])


def repeated_jobs(data: Path, times: int, folder: Path) -> Path:
    """Write the jobs so many times, each copy under its own ids; return the new data folder."""
    for name in ("oasis_2023_v1_0", "noc_2021", "noc_onet_crosswalk", "onet_text"):
        (folder / name).symlink_to(data / name)
    # Line by line and not as CSV: some titles hold a bare carriage return.
    header, *rows = (data / FILES["jobs_file"]).read_bytes().rstrip(b"\n").split(b"\n")
    with (folder / FILES["jobs_file"]).open("wb") as written:
        written.write(header + b"\n")
        for copy in range(times):
            for row in rows:
                job_id, _, rest = row.partition(b",")
                written.write(b"%s-%02d,%s\n" % (job_id, copy, rest))
    return folder


def growth(data: Path, times: int, memory: str, threads: int, *, with_tests: bool) -> int:
    """`dbt run` over the titles once and so many times, in so much memory for DuckDB."""
    found: dict[int, Figures] = {}
    code = 0
    for number in (1, times):
        with tempfile.TemporaryDirectory() as folder:
            data_dir, work = Path(folder, "data"), Path(folder, "work")
            data_dir.mkdir()
            work.mkdir()
            repeated_jobs(data, number, data_dir)
            variables = {**FILES, "data_dir": str(data_dir), "llm_mode": "off"}
            more = {"JOBFORGE_MEMORY_LIMIT": memory}
            dbt("seed", ROOT, work, variables, threads=threads, more=more)
            figures = dbt("run", ROOT, work, variables, threads=threads, more=more)
            found[number] = figures
            print(
                f"{number} times: {figures.seconds:.0f} s, {figures.cpu:.0f} s of CPU,"
                f" peak {figures.gigabytes:.1f} GB, file {figures.file_megabytes:.0f} MB,"
                f" code {figures.code}",
                flush=True,
            )
            code = max(code, figures.code)
            if number == times:
                print_stages(figures)
            if figures.code:
                sys.stderr.write((work / "console.txt").read_text()[-4000:])
            elif with_tests:
                tested = dbt("test", ROOT, work, variables, threads=threads, more=more)
                print(f"{number} times, dbt test: {tested.seconds:.0f} s, code {tested.code}")
                print_stages(tested, most=8)
                code = max(code, tested.code)
    print(f"Wall time, {times} times against once: {found[times].seconds / found[1].seconds:.1f}")
    return code


def again(data: Path, threads: int) -> int:
    """A full build, one more in which nothing changed, and one with a job more."""
    runs: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory() as folder:
        data_dir, work = Path(folder, "data"), Path(folder, "work")
        data_dir.mkdir()
        work.mkdir()
        repeated_jobs(data, 1, data_dir)
        variables = {**FILES, "data_dir": str(data_dir), "llm_mode": "off"}
        for name in ("into an empty warehouse", "nothing changed", "one job more"):
            if name == "one job more":
                with (data_dir / FILES["jobs_file"]).open("ab") as file:
                    file.write(b"one-more,Data Scientist,,,21211\n")
            runs[name] = dbt("build", ROOT, work, variables, threads=threads)
            print(f"{name}: code {runs[name].code}", flush=True)
    full = runs["into an empty warehouse"]
    print("\n| build | wall seconds | CPU seconds | of the full build's CPU |\n|---|---|---|---|")
    for name, one in runs.items():
        print(f"| {name} | {one.seconds:.0f} | {one.cpu:.0f} | {one.cpu / full.cpu:.2f} |")
    print("\n| part of the full build | CPU seconds | share |\n|---|---|---|")
    cells = ("gold_job_attributes", "gold_job_attribute_provenance", "gold_jobs_wide")
    models = [one for one in full.stages if one.kind == "model"]
    parts = {
        "the three tables of gold with a row or column a cell": sum(
            one.cpu for one in models if one.name in cells
        ),
        "every other model": sum(one.cpu for one in models if one.name not in cells),
        "data tests": full.cpu_of("test"),
        "unit tests": full.cpu_of("unit_test"),
    }
    parts["dbt itself: parsing, seeds, hooks"] = full.cpu - sum(parts.values())
    for name, cpu in parts.items():
        print(f"| {name} | {cpu:.1f} | {cpu / full.cpu:.2f} |")
    return max(one.code for one in runs.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the published files")
    parser.add_argument("--max-calls", type=int, default=500, help="bound on the calls")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--against", help="the commit to hold this checkout against")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--times", type=int, help="how often each title is taken")
    parser.add_argument("--memory", default="4GB", help="DuckDB's memory, with --times")
    parser.add_argument("--again", action="store_true", help="build again, with a job more")
    parser.add_argument("--tests", action="store_true", help="with --times: dbt test as well")
    given = parser.parse_args()
    data = given.data.resolve()
    if given.against:
        return comparison(data, given.against, given.rounds)
    if given.times:
        return growth(data, given.times, given.memory, given.threads, with_tests=given.tests)
    if given.again:
        return again(data, threads=1)
    return whole_build(data, given.max_calls, given.threads)


if __name__ == "__main__":
    raise SystemExit(main())
