"""All that the page shows, read from one warehouse."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from jobforge.report import accuracy, cells, costs, coverage, findings
from jobforge.report.tables import Gold, Tables, plain

__all__ = ["TABLES", "content"]

# What the page is of, in the order of its parts.
TABLES = (
    coverage.CELLS,
    coverage.COVERAGE,
    costs.USAGE,
    accuracy.ACCURACY,
    accuracy.RELIABILITY,
    accuracy.AGREEMENT,
    accuracy.COMPARISON,
    accuracy.ESTIMATES,
    findings.QUEUE,
    findings.CONFLICTS,
    findings.CHANGES,
    cells.PROVENANCE,
    cells.JOBS,
)


def content(tables: Tables, name: str, most_cells: int = cells.MOST_CELLS) -> dict[str, Any]:
    """Return what the page of the warehouse by that name shows, as JSON can carry it."""
    gold = Gold(tables)
    return {
        "made": {
            "at": plain(datetime.now(UTC)),
            "warehouse": plain(name),
            "version": version("jobforge"),
        },
        "tables": {table: gold.state(table) for table in TABLES},
        "coverage": coverage.coverage(gold),
        "costs": costs.costs(gold),
        "accuracy": accuracy.accuracy(gold),
        "findings": findings.findings(gold),
        "search": cells.cells(gold, most_cells),
    }
