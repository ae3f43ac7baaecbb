"""A throw-away PostgreSQL server on this machine, from the operating system's own packages."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from support.waiting import HANG_SECONDS

__all__ = ["PASSWORD", "Server", "binaries"]

PASSWORD = "a-password-of-the-tests-1"


def binaries() -> Path | None:
    """Return the folder of initdb and pg_ctl, or None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    debian = Path("/usr/lib/postgresql")
    versions = sorted(debian.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


class Server:
    """A server on a free port of 127.0.0.1; it refuses to run as root, so root lends a user."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="jobforge-postgres-"))
        self._user = _other_user() if os.geteuid() == 0 else None
        self._databases = 0
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])

    def start(self) -> None:
        """Make the cluster and start it; returns when it takes connections."""
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        if self._user is not None:
            for path in (self._folder, secret):
                shutil.chown(path, self._user)
        self._run(
            "initdb",
            *("--username", "ledger", "--auth", "scram-sha-256", "--pwfile", str(secret)),
            *("--encoding", "UTF8", "--no-locale", "--no-sync"),
        )
        self.resume()

    def pause(self) -> None:
        """Be away, as at a restart; what was committed stays."""
        self._run("pg_ctl", "-w", "-m", "fast", "stop")

    def resume(self) -> None:
        """Be there again; returns when it takes connections."""
        options = f"-h 127.0.0.1 -p {self.port} -k {self._folder}"
        self._run(
            "pg_ctl",
            "-w",
            "-t",
            f"{HANG_SECONDS:.0f}",
            "-l",
            str(self._folder / "log"),
            "-o",
            options,
            "start",
        )

    def stop(self) -> None:
        """Stop the server and remove all it had."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://ledger:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def new_database(self, encoding: str = "UTF8") -> str:
        """Make an empty database and return its URL."""
        import psycopg

        self._databases += 1
        name = f"ledger_{self._databases}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            made = f"create database {name} encoding '{encoding}' locale 'C' template template0"
            connection.execute(made.encode())
        return self.url(name)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs / program), "-D", str(self._folder / "data"), *arguments],
            check=True,
            cwd=self._folder,
            user=self._user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=HANG_SECONDS,
        )


def _other_user() -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"
