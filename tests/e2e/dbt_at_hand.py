"""A process that has loaded dbt and forks into each command.

To load dbt and what it makes of its own macros takes longer than most commands do. Each command is
a process of its own all the same: with its arguments, environment, folder and console, signals and
exit code, as if the `dbt` of the command line had been started.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import selectors
import signal
import socket
import sys
from pathlib import Path
from typing import Any

__all__ = ["serve"]

# A command's objects live as long as the command: to look for dead ones is a waste.
_OBJECTS_BEFORE_COLLECTION = 200_000


def serve(address: str, warm_up: list[str]) -> None:
    """Serve one command per connection, until stdin ends; return in each command's own process.

    A connection sends the command as a line of JSON and gets the process's id, then its exit code,
    each as a line.
    """
    listening = socket.socket(socket.AF_UNIX)
    _load(warm_up)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION, 10, 10)
    waker, woken = socket.socketpair()
    waker.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    # A Ctrl-C is for the commands, and for who started this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listening.bind(f"{address}.new")
    listening.listen()
    os.rename(f"{address}.new", address)
    events = selectors.DefaultSelector()
    for file in (listening, woken, sys.stdin):
        events.register(file, selectors.EVENT_READ)
    running: dict[int, socket.socket] = {}
    while True:
        for key, _ in events.select():
            if key.fileobj is sys.stdin:
                os._exit(0)
            if key.fileobj is woken:
                woken.recv(1 << 16)
                _report_ended(running)
                continue
            connection, _ = listening.accept()
            with connection.makefile() as lines:
                command = json.loads(lines.readline())
            sys.stdout.flush()
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                events.close()
                for one in (listening, waker, woken, connection, *running.values()):
                    one.close()
                _become(command)
                return
            running[pid] = connection
            connection.sendall(f"{pid}\n".encode())


def _load(warm_up: list[str]) -> None:
    from dbt.cli.main import dbtRunner

    # The static parser has threads, and no thread outlives a fork.
    done = dbtRunner().invoke(["--quiet", "--no-static-parser", "parse", *warm_up])
    assert done.success, done.exception
    import jobforge.evaluation.probabilities
    import jobforge.evaluation.twins  # noqa: F401


def _report_ended(running: dict[int, socket.socket]) -> None:
    for pid in list(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with running.pop(pid) as connection:
                connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _become(command: dict[str, Any]) -> None:
    """Give this process the command's environment, folder, console and signals."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(command["env"])
    os.chdir(command["cwd"])
    console = os.open(command["console"], os.O_WRONLY)
    os.dup2(console, 1)
    os.dup2(console, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = ["dbt", *command["arguments"]]
    # What is frozen would be reported as leaked.
    atexit.register(gc.unfreeze)


if __name__ == "__main__":
    serve(sys.argv[1], ["--project-dir", str(Path(__file__).parents[2]), *sys.argv[2:]])
    from dbt.cli.main import cli

    sys.exit(cli())
