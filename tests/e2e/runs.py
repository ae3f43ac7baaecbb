"""Runs the real `dbt` command and reads the warehouse that it built."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
from support.waiting import HANG_SECONDS, until

ROOT = Path(__file__).resolve().parents[2]
# All that gold's cells need, from a model on: `(*BUILD, "model+")`. The figures beside them are the
# tests' own that look at them.
BUILD = (
    *("build", "--exclude-resource-type", "unit_test"),
    *("--exclude", "path:models/intermediate/9_estimates", "int_backtest_intervals"),
    *("int_job_resamples", "gold_imputation_accuracy", "gold_imputation_reliability"),
    *("gold_model_comparison", "gold_family_estimates", "gold_source_agreement"),
    *("gold_model_churn", "history_recorded+"),
    *("gold_review_accuracy", "gold_review_agreement", "gold_review_queue", "review_agreements"),
    "--select",
)


@dataclass(frozen=True)
class Run:
    """What one `dbt` command left behind."""

    code: int
    output: str
    results: dict[str, dict[str, Any]]
    target: Path
    logs: Path

    @property
    def lines(self) -> list[str]:
        """The output's lines without their clock times."""
        return [line[10:] if line[2:3] == line[5:6] == ":" else line for line in self.text]

    @property
    def text(self) -> list[str]:
        return self.output.splitlines()

    def statuses(self, prefix: str) -> dict[str, str]:
        """Status by name of the nodes whose kind is `prefix` (model, test, seed, unit_test)."""
        return {
            name.split(".")[2]: str(result["status"])
            for name, result in self.results.items()
            if name.startswith(f"{prefix}.")
        }

    def ok(self) -> Run:
        """Fail with dbt's own words where the command, a model or a test did not succeed."""
        bad = {n: r for n, r in self.results.items() if r["status"] in ("error", "fail", "skipped")}
        assert self.code == 0, f"dbt ended with {self.code}:\n{self.output[-6000:]}"
        assert not bad, bad
        return self


class Forked:
    """The process of a command that a process with dbt at hand has forked into.

    It is watched and ended as a `subprocess.Popen` is.
    """

    def __init__(self, address: str, command: Mapping[str, Any]) -> None:
        self.returncode: int | None = None
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(address)
        self._connection.sendall(json.dumps(command).encode() + b"\n")
        self.pid = self._number()

    def poll(self) -> int | None:
        """Return the exit code, or None while the command goes on."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code; raises subprocess.TimeoutExpired where that takes too long."""
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                self.returncode = self._number()
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired("dbt", timeout or 0) from None
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to a command that goes on."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End a command that goes on at once."""
        self.send_signal(signal.SIGKILL)

    def _number(self) -> int:
        line = b""
        while not line.endswith(b"\n"):
            more = self._connection.recv(16)
            assert more, "the process that forks into commands has ended"
            line += more
            self._connection.settimeout(None)
        return int(line)


_AT_HAND = Lock()


@cache
def dbt_at_hand() -> str:
    """Start the process that has dbt at hand, once; return its address."""
    folder = Path(tempfile.mkdtemp(prefix="dbt-"))
    options = ("--target-path", str(folder / "target"), "--log-path", str(folder / "logs"))
    process = subprocess.Popen(
        [
            sys.executable,
            str(Path(__file__).with_name("dbt_at_hand.py")),
            str(folder / "socket"),
            *options,
        ],
        cwd=ROOT,
        env={
            **_others(),
            "JOBFORGE_WAREHOUSE": str(folder / "none.duckdb"),
            "PYTHONUTF8": "1",
        },
        stdin=subprocess.PIPE,
    )

    def end() -> None:
        process.communicate()
        shutil.rmtree(folder)

    atexit.register(end)
    until((folder / "socket").exists, lambda: process.poll() is None)
    return str(folder / "socket")


@dataclass
class Started:
    """A `dbt` command that is running, for who interrupts it or runs another beside it."""

    process: subprocess.Popen[bytes] | Forked
    console: Path
    target: Path
    logs: Path

    def end(self) -> Run:
        """Wait for its end and return what it left behind."""
        try:
            code = self.process.wait(HANG_SECONDS)
        finally:
            self.process.kill()
            self.process.wait()
        output = self.console.read_text("utf-8")
        return Run(code, output, _results(self.target), self.target, self.logs)


@dataclass
class Warehouse:
    """One DuckDB file, with its own place for what dbt writes beside it."""

    folder: Path
    targets: Path
    vars: dict[str, Any] = field(default_factory=dict)
    # Whether dbt writes its own log, which takes a tenth of a run.
    with_log: bool = False

    @property
    def path(self) -> Path:
        return self.folder / "jobforge.duckdb"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.sqlite"

    def dbt(self, *args: str, **options: Any) -> Run:
        """Run `dbt ARGS` on this warehouse; the options are those of `start`."""
        return self.start(*args, **options).end()

    def start(
        self,
        *args: str,
        vars: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
        from_disk: bool = False,
    ) -> Started:
        """Start `dbt ARGS` on this warehouse.

        Runs with the same vars and warehouse share a target path, so that dbt parses once.
        from_disk: start the `dbt` that is installed instead of what has it at hand.
        """
        given = json.dumps({**self.vars, **(vars or {})}, sort_keys=True)
        digest = hashlib.sha256(f"{self.path} {given} {cwd}".encode()).hexdigest()[:12]
        target, logs = self.targets / digest, self.folder / "logs"
        (target / "run_results.json").unlink(missing_ok=True)
        arguments = [
            *("--no-use-colors", *args),
            *("--vars", given, "--target-path", str(target), "--log-path", str(logs)),
        ]
        # A file and no pipe: who waits for something else than the end reads nothing meanwhile.
        file, name = tempfile.mkstemp(".txt", "console-", self.folder)
        environment = self._environment(env or {})
        process: subprocess.Popen[bytes] | Forked
        if from_disk or any(name.startswith("PYTHON") for name in env or {}):
            process = subprocess.Popen(
                [str(Path(sys.executable).with_name("dbt")), *arguments],
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        else:
            with _AT_HAND:
                address = dbt_at_hand()
            process = Forked(
                address,
                {"arguments": arguments, "env": environment, "cwd": str(cwd), "console": name},
            )
        os.close(file)
        return Started(process, Path(name), target, logs)

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        return {
            **_others(),
            "JOBFORGE_WAREHOUSE": str(self.path),
            "JOBFORGE_LEDGER": str(self.ledger),
            "PYTHONUTF8": "1",
            **({} if self.with_log else {"DBT_LOG_LEVEL_FILE": "none"}),
            **more,
        }

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query; several statements may change the file."""
        with duckdb.connect(str(self.path)) as connection:
            return connection.execute(sql, parameters or None).fetchall()

    def one(self, sql: str, *parameters: object) -> Any:
        """Return the only value of a query."""
        ((value,),) = self.query(sql, *parameters)
        return value

    def dicts(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """Return the rows of a query by their columns' names."""
        with duckdb.connect(str(self.path)) as connection:
            cursor = connection.execute(sql, parameters or None)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def tables_with(self, text: str) -> list[str]:
        """Return the names of the tables that hold a text anywhere."""
        with duckdb.connect(str(self.path)) as connection:
            names = connection.execute(
                """
                select format('"{}"."{}"', schema_name, table_name) from duckdb_tables()
                where database_name = current_database()
                """
            ).fetchall()
            assert names
            query = "select count(*) from {} as t where contains(cast(t as varchar), $1)"
            return [
                name
                for (name,) in names
                if connection.execute(query.format(name), [text]).fetchone() != (0,)
            ]

    def copy_to(self, folder: Path, **vars: Any) -> Warehouse:
        """Return a copy of this warehouse that a test may spoil."""
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.path, folder / self.path.name)
        return Warehouse(folder, self.targets, {**self.vars, **vars}, self.with_log)


def _others() -> dict[str, str]:
    """Return the variables of this process that say nothing to a run."""
    ours = ("OPENAI_", "JOBFORGE_", "DBT_")
    return {name: text for name, text in os.environ.items() if not name.startswith(ours)}


def _results(target: Path) -> dict[str, dict[str, Any]]:
    file = target / "run_results.json"
    if not file.exists():
        return {}
    return {result["unique_id"]: result for result in json.loads(file.read_text())["results"]}


def manifest(target: Path) -> dict[str, Any]:
    """Return what dbt knows of the project after a run."""
    content: dict[str, Any] = json.loads((target / "manifest.json").read_text())
    return content
