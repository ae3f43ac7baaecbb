"""What is to be looked at: the review queue, conflicts between sources, the latest changes."""

from __future__ import annotations

from typing import Any

from jobforge.report.tables import Gold

__all__ = ["CHANGES", "CONFLICTS", "QUEUE", "findings"]

QUEUE = "gold_review_queue"
CONFLICTS = "gold_source_conflicts"
CHANGES = "gold_cell_history"

_MOST_ROWS = 25
_MOST_RUNS = 20
_MOST_PARTS = 400

_QUEUE = (
    *("queue_rank", "job_id", "job_title", "attribute_id", "attribute_name"),
    *("value", "source_type", "expected_error", "error_basis", "weight", "measured_confidence"),
)
_CONFLICTS = (
    *("job_id", "attribute_id", "attribute_name", "domain", "value_type"),
    *("source_type", "value", "source_record"),
    *("other_source_type", "other_value", "other_source_record", "difference", "difference_share"),
)
_CHANGES = (
    *("change_number", "changed_at", "job_id", "attribute_id", "change_kind", "change_reason"),
    *("value_before", "value_after", "source_type_before", "source_type_after"),
    *("fill_status_before", "fill_status_after", "dataset_release_before"),
    *("dataset_release_after", "dbt_invocation_id"),
)
_ORDER = {
    # What is in the queue by chance only has no place by its priority.
    QUEUE: "queue_rank nulls last, job_id, attribute_id",
    CONFLICTS: (
        "difference_share desc nulls last, job_id, attribute_id, source_type, other_source_type"
    ),
    CHANGES: "change_number desc, job_id, attribute_id",
}
_READ = {QUEUE: _QUEUE, CONFLICTS: _CONFLICTS, CHANGES: _CHANGES}
_PARTS = {
    CONFLICTS: """
        select
            domain,
            source_type,
            other_source_type,
            count(*) as conflicts,
            count(*) over () as parts,
        from found
        group by domain, source_type, other_source_type
        order by conflicts desc, domain, source_type, other_source_type
        limit ?
    """,
    CHANGES: f"""
        , runs as (
            select
                dbt_invocation_id,
                max(changed_at) as changed_at,
                max(change_number) as change_number,
            from found
            group by dbt_invocation_id
            order by change_number desc
            limit {_MOST_RUNS}
        )

        select
            runs.dbt_invocation_id,
            runs.changed_at,
            found.change_kind,
            count(*) as changes,
        from runs
        inner join found
            on runs.dbt_invocation_id is not distinct from found.dbt_invocation_id
        group by runs.dbt_invocation_id, runs.changed_at, runs.change_number, found.change_kind
        order by runs.change_number desc, found.change_kind
        limit ?
    """,
}


def findings(gold: Gold) -> dict[str, Any]:
    """Return of each table how many rows it has, the first of them, and counts of all."""
    return {table: _part(gold, table) for table in _READ}


def _part(gold: Gold, table: str) -> dict[str, Any]:
    found = f"with found as (select {gold.columns(table, _READ[table])} from {{table}})"
    counted = gold.rows(table, "select count(*) as rows from {table}")
    return {
        "total": counted[0]["rows"] if counted else 0,
        "rows": gold.rows(
            table, f"{found} select * from found order by {_ORDER[table]} limit ?", [_MOST_ROWS]
        ),
        "parts": gold.rows(table, found + _PARTS[table], [_MOST_PARTS]) if table in _PARTS else [],
    }
