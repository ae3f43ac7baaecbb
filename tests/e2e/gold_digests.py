"""Digests of what a build decided, to hold two builds against each other cell by cell.

Run as a program it writes the digests of a built warehouse:

    cd tests && python -m e2e.gold_digests WAREHOUSE BUILD >> e2e/before/digests.csv
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb

from e2e.runs import Warehouse

FILE = Path(__file__).parent / "before" / "digests.csv"
HEADER = ("build", "table", "part", "rows", "digest")

# What a source says of itself, be it a seed's figure or the model's word.
_CONFIDENCE = "coalesce(stated_confidence, confidence)"
_CELL = ("source_type", "cast(source_precedence as double)", "value", _CONFIDENCE)
_ORIGIN = ("dataset", "dataset_release", "source_record", "inheritance_level", "rationale")
_ANSWER = ("model_used", "prompt_version", "request_id", "epoch_us(imputed_at)", "is_stale")
# Every column but dbt_invocation_id, which names the run.
_GOLD = (
    *("attribute_name", "domain", "value_type", "value_number", "value_category"),
    *("value_boolean", "value_text", "fill_status", "fill_reason", *_CELL, *_ORIGIN, *_ANSWER),
)
_PROVENANCE = ("is_winner", *_CELL, *_ORIGIN, *_ANSWER)
_REQUEST = ("request_order", "job_title", "job_family", "job_function", "unit_group")
_EVIDENCE = ("unit_group_title", "attribute_ids", "known_attributes", "comparable_jobs")

# By table: its key, its other columns, and the column that cuts it into parts.
TABLES = {
    "main.gold_job_attributes": (("job_id", "attribute_id"), _GOLD, "attribute_id"),
    "main.gold_job_attribute_provenance": (
        ("job_id", "attribute_id", "candidate_rank"),
        _PROVENANCE,
        "attribute_id",
    ),
    "main_intermediate.int_imputation_requests": (
        ("job_id", "pack_id"),
        (*_REQUEST, *_EVIDENCE),
        "pack_id",
    ),
}


def digests(warehouse: Path) -> Iterator[tuple[str, str, int, str]]:
    """Yield (table, part, rows, digest): the digest is the same whatever the rows' order."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for table, (key, columns, part) in TABLES.items():
            texts = ", ".join(f"coalesce(to_json({column})::varchar, '-')" for column in columns)
            rows = connection.execute(
                f"""
                select {part}, count(*),
                    bit_xor(md5_number_lower(concat_ws(chr(31), {", ".join(key)}, {texts})))
                from {table} group by {part} order by {part}
                """
            ).fetchall()
            yield from ((table, name, count, f"{digest:016x}") for name, count, digest in rows)


def take_older_rules(warehouse: Warehouse) -> None:
    """Load the seeds with the rules that held when the digests were taken.

    Datasets had no ranks among each other, and what O*NET says is not relevant was left out.
    """
    warehouse.dbt("seed").ok()
    warehouse.query("update main_reference.dataset_ranks set dataset_rank = 1")
    warehouse.query("update main_reference.onet_rules set value = 'left_out'")


def recorded(build: str) -> list[tuple[str, str, int, str]]:
    """Return the digests that were recorded of a build."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return [
            (row["table"], row["part"], int(row["rows"]), row["digest"])
            for row in csv.DictReader(file)
            if row["build"] == build
        ]


def main() -> None:
    warehouse, build = sys.argv[1:]
    csv.writer(sys.stdout, lineterminator="\n").writerows(
        (build, *digest) for digest in digests(Path(warehouse))
    )


if __name__ == "__main__":
    main()
