"""CPU per request at 256 in flight: ours beside bare aiohttp and the usual libraries.

    python benchmarks/executor/cpu_benchmark.py --libraries-python PYTHON

PYTHON has the compared libraries (see README.md); ours runs with the python that runs this file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
OURS = ("raw_aiohttp", "jobforge_transport", "jobforge_executor", "openai_post")
THEIRS = ("openai_parse_aiohttp", "openai_parse", "instructor", "litellm")


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """Run the server; give its address."""
    command = [sys.executable, str(HERE / "server.py"), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def contend(python: str, name: str, *arguments: str, script: str = "contender.py") -> dict:
    """Run a contender in its own process; return its line."""
    command = [python, str(HERE / script), name, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr[-2000:]}")
    line: dict = json.loads(done.stdout.splitlines()[-1])
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--libraries-python", default=sys.executable)
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--delay", default="0.05")
    parser.add_argument("--only", nargs="*")
    given = parser.parse_args()
    print("| | CPU ms a request | requests a second | answered |")
    print("|---|---|---|---|")
    with serving("--delay", given.delay) as base_url:
        for name in given.only or (*OURS, *THEIRS):
            python = sys.executable if name in OURS else given.libraries_python
            numbers = (given.requests, given.in_flight, given.rounds)
            line = contend(python, name, base_url, *map(str, numbers))
            speed = given.requests / line["seconds"]
            answered = f"{line['answered']} of {given.requests}"
            print(f"| {name} | {line['cpu_ms']:.2f} | {speed:.0f} | {answered} |", flush=True)


if __name__ == "__main__":
    main()
