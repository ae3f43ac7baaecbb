"""The page of 4.6 million cells: small, and every total on it is the tables' own."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
from jobforge.cli.report import report
from support.gold import make_gold

JOBS, ATTRIBUTES = 18_654, 245


def test_a_page_of_millions_of_cells(tmp_path: Path) -> None:
    """It stays under 10 MB, its counts are exact, and its search is of a stated part."""
    warehouse = make_gold(
        tmp_path / "large.duckdb",
        jobs=JOBS,
        attributes=ATTRIBUTES,
        families=30,
        domains=6,
        share=20,
    )
    file = tmp_path / "report.html"
    report(file, warehouse)
    raw = file.read_text(encoding="utf-8")
    assert len(raw.encode()) < 10_000_000
    content = json.loads(raw.split('id="content">')[1].split("</script>")[0])
    coverage = content["coverage"]
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        statuses = dict(
            connection.execute(
                "select fill_status, count(*) from gold_job_attributes group by all"
            ).fetchall()
        )
        families = dict(
            connection.execute(
                "select job_family, sum(cells) from gold_imputation_coverage group by all"
            ).fetchall()
        )
    assert {row["fill_status"]: row["cells"] for row in coverage["statuses"]} == statuses
    assert coverage["totals"]["cells"] == sum(statuses.values()) == JOBS * ATTRIBUTES
    assert coverage["totals"]["jobs"] == JOBS
    assert coverage["totals"]["attributes"] == ATTRIBUTES
    heat_map = coverage["heat_map"]
    by_family = dict.fromkeys(heat_map["families"], 0)
    for family, _, _, cells in heat_map["counts"]:
        by_family[heat_map["families"][family]] += cells
    assert by_family == families
    assert content["search"]["of_cells"] == JOBS * ATTRIBUTES
    assert len(content["search"]["cells"]) == 3_000
