"""The cells that the page's search covers, each with where its value came from.

All of them where they are few. Else a stated part: what waits for review, what sources disagree
on, what changed last, and then others by a hash, so that the same warehouse gives the same page.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from jobforge.report.coverage import CELLS
from jobforge.report.findings import CHANGES, CONFLICTS, QUEUE
from jobforge.report.tables import Gold

__all__ = ["JOBS", "MOST_CELLS", "PROVENANCE", "cells"]

PROVENANCE = "gold_job_attribute_provenance"
JOBS = "gold_jobs_wide"

MOST_CELLS = 3_000
# Whatever texts are in them, so much of the page they may take.
_MOST_BYTES = 5_000_000
_MOST_CHANGES = 10
_MOST_CONFLICTS = 5

Cell = tuple[str, str]

_FIRST = {
    QUEUE: """
        select job_id, attribute_id
        from {table}
        order by queue_rank nulls last, job_id, attribute_id
        limit ?
    """,
    CONFLICTS: """
        select job_id, attribute_id
        from {table}
        group by job_id, attribute_id
        order by max(difference_share) desc nulls last, job_id, attribute_id
        limit ?
    """,
    CHANGES: """
        select job_id, attribute_id
        from {table}
        group by job_id, attribute_id
        order by max(change_number) desc, job_id, attribute_id
        limit ?
    """,
}
_OTHERS = """
    select job_id, attribute_id
    from {table}
    order by md5(job_id || '/' || attribute_id), job_id, attribute_id
    limit ?
"""
_ORIGIN = (
    *("value", "source_type", "confidence_basis", "measured_confidence", "stated_confidence"),
    *("value_low", "value_high", "dataset", "dataset_release", "source_record"),
    *("inheritance_level", "rationale", "model_used", "prompt_version", "request_id", "imputed_at"),
)
_CELL = (
    *("job_id", "attribute_id", "attribute_name", "domain", "value_type", "fill_status"),
    *("fill_reason", "fill_reason_code", "dbt_invocation_id", "is_stale"),
    *("reviewed_by", "reviewed_at", "review_reason"),
    *_ORIGIN,
)
_CANDIDATE = (
    *("job_id", "attribute_id", "candidate_rank", "is_winner", "is_superseded"),
    *_ORIGIN,
)
_QUEUED = (
    *("job_id", "attribute_id", "queue_rank", "expected_error", "error_basis"),
    *("comparable_values", "history"),
)
_CONFLICT = (
    *("job_id", "attribute_id", "source_type", "value", "source_record"),
    *("other_source_type", "other_value", "other_source_record", "difference"),
)
_CHANGE = (
    *("job_id", "attribute_id", "change_number", "changed_at", "change_kind", "change_reason"),
    *("value_before", "value_after", "source_type_before", "source_type_after"),
    *("fill_status_before", "fill_status_after", "dataset_release_before"),
    *("dataset_release_after", "dbt_invocation_id"),
)
_IDS = {"job_id", "attribute_id"}
_LONG = (
    *("rationale", "fill_reason", "comparable_values", "change_reason", "source_record"),
    *("review_reason", "history"),
)


def cells(gold: Gold, most: int = MOST_CELLS) -> dict[str, Any]:
    """Return the cells of the search, their jobs' titles, and of how many cells they are."""
    [counted] = gold.rows(CELLS, "select count(*) as cells from {table}") or [{"cells": 0}]
    chosen = _chosen(gold, most, counted["cells"])
    found = _by_place(gold, CELLS, _CELL, chosen, "job_id", 1)
    parts = {
        "candidates": _by_place(gold, PROVENANCE, _CANDIDATE, chosen, "candidate_rank"),
        "queue": _by_place(gold, QUEUE, _QUEUED, chosen, "queue_rank", 1),
        "conflicts": _by_place(
            gold, CONFLICTS, _CONFLICT, chosen, "source_type, other_source_type", _MOST_CONFLICTS
        ),
        "history": _by_place(gold, CHANGES, _CHANGE, chosen, "change_number desc", _MOST_CHANGES),
    }
    # A table of its own may be newer than gold and name a cell that is there no more.
    rows = [
        _smaller(found[place][0], {name: part[place] for name, part in parts.items()})
        for place in range(len(chosen))
        if place in found
    ]
    return {
        "cells": _within(rows, _MOST_BYTES),
        "of_cells": counted["cells"],
        "jobs": _jobs(gold, sorted({job for job, _ in chosen})),
    }


def _chosen(gold: Gold, most: int, total: int) -> list[Cell]:
    """Return the cells in the order of their claim to be searched for, each once."""
    chosen: dict[Cell, None] = {}
    if total > most:
        for table, sql in _FIRST.items():
            # Each has at most a quarter, so that none leaves the others out.
            chosen.update(dict.fromkeys(gold.pairs(table, sql, [most // 4])))
    chosen.update(dict.fromkeys(gold.pairs(CELLS, _OTHERS, [most])))
    return list(chosen)[:most]


def _by_place(
    gold: Gold, table: str, names: Sequence[str], chosen: list[Cell], order: str, most: int = 20
) -> defaultdict[int, list[dict[str, Any]]]:
    """Return the rows of each chosen cell by its place, at most so many of each."""
    sql = f"""
        with chosen as (
            select unnest(?) as place, unnest(?) as job_key, unnest(?) as attribute_key
        ),

        found as (
            select place, {gold.columns(table, names, "wanted.")}
            from chosen
            inner join {{table}} as wanted
                on chosen.job_key = wanted.job_id and chosen.attribute_key = wanted.attribute_id
        )

        select *
        from found
        qualify row_number() over (partition by place order by {order}) <= {most}
        order by place, {order}
    """
    keys = [[job for job, _ in chosen], [attribute for _, attribute in chosen]]
    by_place: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in gold.rows(table, sql, [list(range(len(chosen))), *keys], long=_LONG):
        by_place[row.pop("place")].append(row)
    return by_place


def _smaller(cell: Mapping[str, Any], parts: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return a cell and its parts without what is null or empty, and what is said twice once."""
    return {name: value for name, value in cell.items() if value is not None} | {
        name: [_own(row, cell) for row in rows] for name, rows in parts.items() if rows
    }


def _own(row: Mapping[str, Any], cell: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a row says beyond its cell: of a candidate, whether it is all the cell's."""
    is_same = row.get("is_winner") and all(row[name] == cell[name] for name in _ORIGIN)
    said_by_cell = {*_IDS, *_ORIGIN} if is_same else _IDS
    own = {name: value for name, value in row.items() if name not in said_by_cell}
    return {name: value for name, value in own.items() if value is not None} | (
        {"is_same": True} if is_same else {}
    )


def _within(rows: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """Return the first rows that take no more bytes than that."""
    size = 0
    for number, row in enumerate(rows):
        size += len(json.dumps(row, ensure_ascii=False).encode())
        if size > most:
            return rows[:number]
    return rows


def _jobs(gold: Gold, wanted: list[str]) -> dict[str, dict[str, Any]]:
    """Return title and family of those jobs."""
    names = gold.columns(JOBS, ["job_title", "job_family"])
    sql = f"select job_id, {names} from {{table}} where job_id in (select unnest(?))"
    return {row.pop("job_id"): row for row in gold.rows(JOBS, sql, [wanted])}
