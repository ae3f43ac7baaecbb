"""What was filled and from where: counts of cells, each the sum of rows of a gold table."""

from __future__ import annotations

from typing import Any

from jobforge.report.tables import Gold

__all__ = ["CELLS", "COVERAGE", "coverage"]

CELLS = "gold_job_attributes"
COVERAGE = "gold_imputation_coverage"

# Those with most cells have a bar of their own; all others have one together, without a name.
_MOST_FAMILIES = 40
_MOST_DOMAINS = 30
# Tiles of a heat map: single cells, or counts of a family's cells by attribute.
_MOST_TILES = 4_000
_MOST_COUNTS = 60_000

# The order of the sources is that of their precedence; what is open comes last.
_STATUSES = """
    select
        fill_status,
        any_value(source_type) as source_type,
        max(source_precedence) as source_precedence,
        count(*) as cells,
    from cells
    group by fill_status
    order by max(source_precedence) desc nulls last, fill_status
"""
_TOTALS = """
    select
        count(*) as cells,
        count(value) as filled_cells,
        count(distinct job_id) as jobs,
        count(distinct attribute_id) as attributes,
        count(distinct dbt_invocation_id) as invocations,
        any_value(dbt_invocation_id) as dbt_invocation_id,
    from cells
"""
_REASONS = """
    select
        fill_status,
        fill_reason_code,
        any_value(fill_reason) as fill_reason,
        count(*) as cells,
    from cells
    where source_type is null
    group by fill_status, fill_reason_code
    order by cells desc, fill_status, fill_reason_code
    limit 20
"""
_BASES = """
    select
        source_type,
        confidence_basis,
        count(*) as cells,
        count(measured_confidence) as measured_cells,
    from cells
    where source_type is not null
    group by source_type, confidence_basis
    order by max(source_precedence) desc, source_type, cells desc, confidence_basis
"""
_BY = """
    with sizes as (
        select {by} as name, sum(cells) as size
        from {{table}}
        group by {by}
        order by size desc, name
        limit ?
    )

    select
        sizes.name,
        any_value(sizes.size) as size,
        counted.fill_status,
        cast(sum(counted.cells) as bigint) as cells,
    from {{table}} as counted
    left join sizes
        on counted.{by} = sizes.name
    group by sizes.name, counted.fill_status
    order by size desc nulls last, sizes.name, counted.fill_status
"""
_MEMBERS = """
    select
        count(distinct domain) as domains,
        count(distinct job_family) as families,
        count(distinct attribute_id) as attributes,
        cast(sum(cells) as bigint) as cells,
    from {table}
"""
_ATTRIBUTES = """
    select
        attribute_id,
        any_value(attribute_name) as attribute_name,
        any_value(domain) as domain,
    from {table}
    group by attribute_id
    order by domain, attribute_name, attribute_id
"""
_COUNTS = """
    with sizes as (
        select job_family, sum(cells) as size
        from {table}
        group by job_family
        order by size desc, job_family
        limit ?
    )

    select
        sizes.job_family,
        counted.attribute_id,
        counted.fill_status,
        cast(sum(counted.cells) as bigint) as cells,
    from {table} as counted
    left join sizes
        on counted.job_family = sizes.job_family
    group by sizes.job_family, counted.attribute_id, counted.fill_status
    order by sizes.job_family nulls last, counted.attribute_id, counted.fill_status
"""
_TILES = "select job_id, attribute_id, fill_status from {table} order by job_id, attribute_id"


def coverage(gold: Gold) -> dict[str, Any]:
    """Return the counts of cells: in all, by source, by domain, by job family, and the heat map."""
    columns = gold.columns(
        CELLS,
        [
            *("job_id", "attribute_id", "value", "fill_status", "fill_reason", "fill_reason_code"),
            *("source_type", "source_precedence", "confidence_basis", "measured_confidence"),
            "dbt_invocation_id",
        ],
    )
    cells = f"with cells as (select {columns} from {{table}}) "
    totals = gold.rows(CELLS, cells + _TOTALS)
    members = gold.rows(COVERAGE, _MEMBERS)
    return {
        "totals": totals[0] if totals else None,
        "counted": members[0] if members else None,
        "statuses": gold.rows(CELLS, cells + _STATUSES),
        "reasons": gold.rows(CELLS, cells + _REASONS),
        "bases": gold.rows(CELLS, cells + _BASES),
        "by_domain": gold.rows(COVERAGE, _BY.format(by="domain"), [_MOST_DOMAINS]),
        "by_family": gold.rows(COVERAGE, _BY.format(by="job_family"), [_MOST_FAMILIES]),
        "heat_map": _heat_map(gold, totals[0] if totals else {}, members[0] if members else {}),
    }


def _heat_map(gold: Gold, totals: dict[str, Any], members: dict[str, Any]) -> dict[str, Any]:
    """Return single cells where they fit on a page, else exact counts by family and attribute.

    Where those are too many as well, there is none: the bars by domain and by family remain.
    """
    attributes = gold.rows(COVERAGE, _ATTRIBUTES) if members else []
    if attributes and totals and totals["cells"] <= _MOST_TILES:
        return {"of": "cells", "attributes": attributes, "tiles": gold.rows(CELLS, _TILES)}
    families = min(members["families"], _MOST_FAMILIES + 1) if members else 0
    if attributes and families * len(attributes) * 4 <= _MOST_COUNTS:
        return {"of": "families", "attributes": attributes, **_counts(gold, attributes)}
    return {"of": None, "attributes": attributes}


def _counts(gold: Gold, attributes: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the counts by the places of family, attribute and status in lists of them."""
    rows = gold.rows(COVERAGE, _COUNTS, [_MOST_FAMILIES])
    families = list(dict.fromkeys(row["job_family"] for row in rows))
    statuses = list(dict.fromkeys(row["fill_status"] for row in rows))
    attribute_ids = [row["attribute_id"] for row in attributes]
    places = [
        {name: place for place, name in enumerate(names)}
        for names in (families, attribute_ids, statuses)
    ]
    return {
        "families": families,
        "statuses": statuses,
        "counts": [
            [
                places[0][row["job_family"]],
                places[1][row["attribute_id"]],
                places[2][row["fill_status"]],
                row["cells"],
            ]
            for row in rows
        ],
    }
