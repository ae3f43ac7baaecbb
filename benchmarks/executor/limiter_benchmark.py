"""An unknown limit of 50 requests a second: what each library loses, wastes and takes.

    python benchmarks/executor/limiter_benchmark.py --libraries-python PYTHON

Every library runs with its defaults and 256 in flight. `extra` are the requests beyond one a
request; `time` is of the ideal, in which the limit is used up from the first moment on.
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.request

from cpu_benchmark import contend, serving

CONTENDERS = ("jobforge_executor", "openai_parse", "instructor", "litellm")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--libraries-python", default=sys.executable)
    parser.add_argument("--requests", type=int, default=1500)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--kinds", nargs="*", default=["bucket", "sliding", "fixed"])
    parser.add_argument("--retry-after", nargs="*", default=["", "1"])
    parser.add_argument("--delay", default="0.2")
    parser.add_argument("--only", nargs="*", default=CONTENDERS)
    given = parser.parse_args()
    print("| limit | Retry-After | | lost | extra | time |")
    print("|---|---|---|---|---|---|")
    for kind in given.kinds:
        for retry_after in given.retry_after:
            arguments = ["--kind", kind, "--rate", str(given.rate), "--delay", given.delay]
            arguments += ["--retry-after", retry_after] if retry_after else []
            for name in given.only:
                with serving(*arguments) as base_url:
                    python = sys.executable if "jobforge" in name else given.libraries_python
                    line = contend(python, name, base_url, str(given.requests), "256", "1")
                    stats = _stats(base_url)
                _print(kind, retry_after, name, line, stats, given)


def _stats(base_url: str) -> dict[str, int]:
    with urllib.request.urlopen(base_url.removesuffix("/v1") + "/stats") as reply:
        stats: dict[str, int] = json.load(reply)
    return stats


def _print(
    kind: str,
    retry_after: str,
    name: str,
    line: dict,
    stats: dict[str, int],
    given: argparse.Namespace,
) -> None:
    lost = line["lost"] / given.requests
    extra = stats["seen"] / given.requests - 1
    # Whoever loses requests is soon done: the time is that of what was answered.
    in_store = given.rate if kind == "bucket" else 0
    ideal = max(line["answered"] - in_store, 1) / given.rate
    print(
        f"| {kind} | {retry_after or 'none'} | {name} | {lost:.1%} | {extra:.1%}"
        f" | {line['seconds'] / ideal:.2f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
