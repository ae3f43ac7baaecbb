"""The way of one live cell through the package, by profiling a run that asks for it.

Prints the modules that the run enters, the edges between them, the calls that go from one module
into another, the rooms at the top of the package and its lines. The ledger is new and the server
is on loopback.

    python benchmarks/way_of_a_cell.py [--edges]     from the project's folder
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import jobforge

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.builders import READING, request, run  # noqa: E402
from support.loopback_server import LoopbackServer  # noqa: E402

FOLDER = Path(jobforge.__file__).parent


def module_of(frame: FrameType | None) -> str | None:
    """Return the package's module that a frame is in, or None for any other."""
    name = frame.f_globals.get("__name__", "") if frame else ""
    return name.removeprefix("jobforge.") if name.startswith("jobforge.") else None


class Way:
    """The calls of a run, from all of its threads."""

    def __init__(self) -> None:
        self.modules: set[str] = set()
        self.calls: Counter[tuple[str, str]] = Counter()

    def note(self, frame: FrameType, event: str, _: Any) -> None:
        """Note a call into a module, as `sys.setprofile` tells of it."""
        if event != "call" or (into := module_of(frame)) is None:
            return
        if is_loading(frame):
            return
        self.modules.add(into)
        caller = module_of(frame.f_back)
        if caller is not None and caller != into:
            self.calls[caller, into] += 1


def is_loading(frame: FrameType | None) -> bool:
    """Say whether the frame is, or is in, the body of a module or a class."""
    while frame is not None and module_of(frame) is not None:
        if frame.f_code.co_name == "<module>" or "__qualname__" in frame.f_locals:
            return True
        frame = frame.f_back
    return False


def profiled() -> Way:
    """Ask one cell live on a new ledger and return its way."""
    way = Way()
    with tempfile.TemporaryDirectory() as folder, LoopbackServer() as server:
        os.environ["JOBFORGE_LEDGER"] = str(Path(folder) / "ledger.sqlite")
        os.environ["OPENAI_BASE_URL"] = server.base_url
        os.environ["OPENAI_API_KEY"] = "sk-loopback-0123456789"
        threading.setprofile(way.note)
        sys.setprofile(way.note)
        try:
            rows = run(request(attribute_ids=(READING.attribute_id,)))
        finally:
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]
    assert [row["outcome"] for row in rows] == ["answered"]
    return way


def rooms() -> list[str]:
    """Return the modules and packages at the top of the package."""
    found = [
        path.stem
        for path in FOLDER.iterdir()
        if (path / "__init__.py").exists() or path.suffix == ".py"
    ]
    return sorted(name for name in found if name != "__init__")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--edges", action="store_true", help="also print each edge and its calls")
    given = parser.parse_args()
    profiled()  # What is made at the first use is made.
    way = profiled()
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in FOLDER.rglob("*.py"))
    print(f"modules on a live cell's way: {len(way.modules)}")
    print(f"edges between them:           {len(way.calls)}")
    print(f"calls between them:           {way.calls.total()}")
    print(f"rooms at the top:             {len(rooms())}")
    print(f"lines in the package:         {lines:,}")
    if given.edges:
        for (caller, into), calls in sorted(way.calls.items()):
            print(f"{calls:6} {caller} -> {into}")


if __name__ == "__main__":
    main()
