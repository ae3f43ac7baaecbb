"""A warehouse of arithmetic, pages written from it, and a real browser to read them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jobforge.cli.project import Warehouse
from jobforge.cli.report import report
from jobforge.report.content import content
from support.gold import make_gold

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of 20 jobs by 12 attributes with every table of the page; nobody changes it."""
    return make_gold(tmp_path_factory.mktemp("gold") / "gold.duckdb")


@pytest.fixture(scope="session")
def shown(gold: Path) -> dict[str, Any]:
    """What the page of that warehouse shows."""
    return content_of(gold)


def content_of(path: Path, **options: int) -> dict[str, Any]:
    """Return what the page of a warehouse shows."""
    opened = Warehouse(path)
    try:
        return content(opened, path.name, **options)
    finally:
        opened.close()


@pytest.fixture(scope="session")
def new_page(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write the page of a warehouse as the command does: `new_page(warehouse, language="fr")`."""

    def make(warehouse: Path, **options: Any) -> Path:
        file = tmp_path_factory.mktemp("page") / "report.html"
        report(file, warehouse, **options)
        return file

    return make


@pytest.fixture(scope="session")
def page_file(gold: Path, new_page: Callable[..., Path]) -> Path:
    """The page of that warehouse, in English."""
    return new_page(gold)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The system's Chromium, without a head."""
    api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: the dependency group dev"
    )
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    with api.sync_playwright() as playwright:
        # A user that may do everything cannot have Chromium's sandbox; the pages are our own.
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()
