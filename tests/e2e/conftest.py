"""One build of the demo, which every test may read and none may change."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from e2e.runs import Run, Warehouse

REPLAY = {"llm_mode": "replay"}

# A shell starts what runs in its background deaf to Ctrl-C, and so would every `dbt` be from there.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the session's warehouses."""
    return tmp_path_factory.mktemp("warehouses")


@pytest.fixture(scope="session")
def new_warehouse(place: Path) -> Callable[..., Warehouse]:
    """Make an empty warehouse: `new_warehouse(name, **vars)`."""

    def make(name: str, **vars: Any) -> Warehouse:
        (place / name).mkdir()
        return Warehouse(place / name, place / "targets", vars)

    return make


@pytest.fixture(scope="session")
def demo_build(new_warehouse: Callable[..., Warehouse]) -> tuple[Warehouse, Run]:
    """The demo, built once by the `dbt build` of the command line with the recorded answers."""
    warehouse = new_warehouse("demo", **REPLAY)
    return warehouse, warehouse.dbt("build", from_disk=True).ok()


@pytest.fixture(scope="session")
def demo(demo_build: tuple[Warehouse, Run]) -> Warehouse:
    """The built demo; copy it before changing anything."""
    return demo_build[0]


@pytest.fixture(scope="session")
def copy_of_demo(demo: Warehouse, place: Path) -> Callable[..., Warehouse]:
    """Copy the built demo: `copy_of_demo(name, **vars)`."""

    def copy(name: str, **vars: Any) -> Warehouse:
        return demo.copy_to(place / name, **vars)

    return copy


@pytest.fixture(scope="session")
def side_by_side() -> Iterator[Executor]:
    """Runs two `dbt` commands at a time: one spends most of its time on one core."""
    with ThreadPoolExecutor(max_workers=2) as executor:
        yield executor
