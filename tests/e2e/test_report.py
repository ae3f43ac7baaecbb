"""The page of the built demo: it reads what the models make, by the names that they have."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from jobforge.cli.project import Warehouse as Opened
from jobforge.report.content import TABLES, content
from jobforge.report.tables import Gold

from e2e.runs import ROOT, Warehouse


def test_the_page_reads_the_columns_that_gold_has(
    demo: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No column that the page asks for is missing, which it would show as not measured."""
    asked: dict[str, set[str]] = {}
    columns = Gold.columns

    def noted(gold: Gold, table: str, names: Sequence[str], prefix: str = "") -> str:
        asked.setdefault(table, set()).update(names)
        return columns(gold, table, names, prefix)

    monkeypatch.setattr(Gold, "columns", noted)
    opened = Opened(demo.path)
    try:
        shown = content(opened, "demo")
        made = {path.stem for path in (ROOT / "models/gold").glob("*.sql")}
        assert {name for name, state in shown["tables"].items() if state != "missing"} == (
            made & set(TABLES)
        )
        for table in made & set(TABLES):
            assert asked.get(table, set()) <= set(opened.columns(table)), table
    finally:
        opened.close()
    assert asked["gold_review_queue"] > {"queue_rank", "expected_error"}
    coverage = shown["coverage"]
    assert coverage["totals"]["cells"] == coverage["counted"]["cells"] == 1_000
    assert coverage["heat_map"]["of"] == "cells"
    assert len(coverage["heat_map"]["tiles"]) == len(shown["search"]["cells"]) == 1_000
