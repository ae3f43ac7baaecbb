"""Several dbt commands in one process, which parses the project once.

Reads a JSON list of commands, writes to stderr as JSON, by command, why it failed: nothing where
it did not.
"""

from __future__ import annotations

import json
import sys

from dbt.cli.main import dbtRunner


def main() -> None:
    """Run the commands of stdin with the options of the command line."""
    options = sys.argv[1:]
    parsed = dbtRunner().invoke(["--quiet", "parse", *options])
    assert parsed.success, parsed.exception
    runner = dbtRunner(manifest=parsed.result)
    failed = {}
    for command in json.load(sys.stdin):
        done = runner.invoke(["--quiet", *command.split(), *options])
        nodes = [] if done.result is None else getattr(done.result, "results", [])
        bad = [one.node.name for one in nodes if str(one.status) in ("error", "fail", "skipped")]
        failed[command] = "" if done.success else f"{bad} {done.exception or ''}"
    sys.stderr.write(json.dumps(failed))


if __name__ == "__main__":
    main()
