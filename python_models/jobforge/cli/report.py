"""`jobforge report`: one HTML page of what the warehouse holds, for people to read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from jobforge.cli.project import Project, Warehouse
from jobforge.cli.terminal import say
from jobforge.cli.why import WarehouseOption
from jobforge.errors import SettingsError
from jobforge.report.cells import MOST_CELLS
from jobforge.report.content import content
from jobforge.report.page import LANGUAGES, Language, page

__all__ = ["report"]

_DEFAULT = Path("target/report.html")


def report(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="HTML file; without it target/report.html of the project.", show_default=False
        ),
    ] = None,
    warehouse: WarehouseOption = None,
    language: Annotated[
        str, typer.Option(help=f"{' or '.join(LANGUAGES)}; the page can switch.")
    ] = "en",
    cells: Annotated[
        int, typer.Option(min=1, max=10_000, help="Cells that the page's search covers at most.")
    ] = MOST_CELLS,
) -> None:
    """Write a page about the warehouse: one file that needs no server and no network."""
    project = Project.find()
    target = file or (project.folder if project else Path()) / _DEFAULT
    path = Warehouse.path(warehouse, project)
    opened = Warehouse(path)
    try:
        shown = content(opened, path.name, cells)
    finally:
        opened.close()
    written = page(shown, _language(language))
    _write(target, written)
    searched = shown["search"]
    say(
        f"{target}: {searched['of_cells']:,} cells, of which the search covers"
        f" {len(searched['cells']):,}; {len(written.encode()) / 1e6:.1f} MB"
    )
    missing = [name for name, state in shown["tables"].items() if state == "missing"]
    if missing:
        say(f"the warehouse has no {', '.join(missing)} yet: run dbt build")


def _language(given: str) -> Language:
    for language in LANGUAGES:
        if given == language:
            return language
    raise SettingsError(f"--language is {' or '.join(LANGUAGES)}, not {given!r}")


def _write(target: Path, text: str) -> None:
    """Write the file as a whole: one that was there stays until the new one is complete."""
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8", newline="\n")
        os.replace(part, target)
    except OSError as error:
        raise SettingsError(f"{target} cannot be written: {error.strerror}") from None
