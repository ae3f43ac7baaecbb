"""How well O*NET stands in for OaSIS: the measurement behind `seeds/reference/onet_agreement.csv`.

For every OaSIS rating column that has an O*NET element, the unit groups are ranked twice: by their
OaSIS rating (the mean over their profiles) and by their O*NET rating (the mean over their distinct
crosswalk SOC codes, suppressed and not-relevant rows left out). The agreement of the pair is the
Spearman correlation of the two rankings; that of a domain is the median over its pairs.

    python benchmarks/onet_agreement.py --data FOLDER             the table of the seed, as CSV
    python benchmarks/onet_agreement.py --data FOLDER --pairs     each pair, by level and importance

FOLDER holds the publishers' files: `oasis_2023_v1_0/`, `noc_onet_crosswalk/` and `onet_text/`.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import duckdb

SEEDS = Path(__file__).resolve().parent.parent / "seeds" / "reference"

OASIS_FILES = {
    "skills": "skills_oasis_2023_v1.0.csv",
    "abilities": "abilities_oasis_2023_v1.0.csv",
    "knowledges": "knowledges_oasis_2023_v1.0.csv",
    "personal_attributes": "personal-attributes_oasis_2023_v1.0.csv",
    "work_activities": "workactivities_oasis_2023_v1.0.csv",
    "work_context": "workcontext_oasis_2023_v1.0.csv",
}
ONET_FILES = ("Skills", "Abilities", "Knowledge", "Work Activities", "Work Styles")

UNIT_GROUP_OASIS = """
create table unit_group_oasis as
select
    left(oasis_profile, 5) as unit_group,
    attribute_id,
    avg(rating) as rating,
from oasis_ratings
group by all
"""

# Pairs that repeat under obsolete titles count once; lost leading zeros come back.
CROSSWALK = """
create table crosswalk as
select distinct
    lpad(noc, 5, '0') as unit_group,
    onet as onet_soc_code,
from read_csv($path, all_varchar = true, header = true)
"""

UNIT_GROUP_ONET = """
create table unit_group_onet as
select
    crosswalk.unit_group,
    onet_ratings.element_id,
    onet_ratings.scale_id,
    avg(onet_ratings.data_value) as rating,
from crosswalk
inner join onet_ratings using (onet_soc_code)
where onet_ratings.is_reliable
group by all
"""

# Spearman: Pearson's correlation of the ranks, ties sharing the mean of their places.
PAIR_AGREEMENT = """
create table pair_agreement as

with pairs as (
    select
        elements.attribute_id,
        attributes.attribute_name,
        attributes.domain,
        elements.element_name,
        elements.basis,
        elements.scale_id as chosen_scale_id,
        unit_group_onet.scale_id,
        unit_group_onet.unit_group,
        unit_group_oasis.rating as oasis_rating,
        unit_group_onet.rating as onet_rating,
    from elements
    inner join attributes using (attribute_id)
    inner join unit_group_oasis using (attribute_id)
    inner join unit_group_onet using (element_id, unit_group)
),

ranked as (
    select
        *,
        rank() over (partition by attribute_id, scale_id order by oasis_rating)
        + (count(*) over (
            partition by attribute_id, scale_id, oasis_rating
        ) - 1) / 2.0 as oasis_rank,
        rank() over (partition by attribute_id, scale_id order by onet_rating)
        + (count(*) over (
            partition by attribute_id, scale_id, onet_rating
        ) - 1) / 2.0 as onet_rank,
    from pairs
)

select
    domain,
    attribute_id,
    attribute_name,
    element_name,
    basis,
    scale_id,
    scale_id = chosen_scale_id as is_chosen,
    corr(oasis_rank, onet_rank) as spearman,
    count(*) as unit_groups,
from ranked
group by all
"""

DOMAIN_AGREEMENT = """
with chosen as (
    select * from pair_agreement where is_chosen
),

by_domain as (
    select domain, basis, median(spearman) as agreement, count(*) as pairs
    from chosen
    group by domain, basis
    union all
    select 'any' as domain, basis, median(spearman) as agreement, count(*) as pairs
    from chosen
    group by basis
)

select domain, basis, agreement, pairs
from by_domain
order by domain = 'any', domain, basis
"""


def load_seeds(db: duckdb.DuckDBPyConnection, seeds: Path = SEEDS) -> None:
    """Create `attributes` and `elements` from the reference seeds."""
    for table, seed in (
        ("attributes", "oasis_attributes"),
        ("elements", "oasis_attribute_onet_elements"),
    ):
        db.execute(
            f"create table {table} as from read_csv($path, all_varchar = true, header = true)",
            {"path": str(seeds / f"{seed}.csv")},
        )


def load_oasis(db: duckdb.DuckDBPyConnection, data: Path) -> None:
    """Create `oasis_ratings`: one row per profile and rating column of the published files.

    A code without its `.00` gets it back, and one that lost a trailing zero (`31100.1`) gets that.
    """
    db.execute("create table oasis_ratings (oasis_profile text, attribute_id text, rating double)")
    for file_key, name in OASIS_FILES.items():
        path = data / "oasis_2023_v1_0" / name
        db.execute(
            """
            insert into oasis_ratings
            with wide as (
                select * from read_csv($path, all_varchar = true, header = true)
            ),
            long as (
                unpivot wide
                on columns(* exclude ("OaSIS Code - Final", "OaSIS Label - Final"))
                into name header value rating
            )
            select
                left("OaSIS Code - Final", 5) || '.'
                || rpad(split_part("OaSIS Code - Final", '.', 2), 2, '0'),
                attributes.attribute_id,
                cast(long.rating as double),
            from long
            inner join attributes
                on attributes.oasis_file = $file_key
                and attributes.oasis_column
                = trim(regexp_replace(long.header, '[\\s\\x{00A0}]+', ' ', 'g'))
            """,
            {"path": str(path), "file_key": file_key},
        )


def load_onet(db: duckdb.DuckDBPyConnection, data: Path) -> None:
    """Create `onet_ratings`: level and importance per SOC code and element, reliable or not.

    A table without the two flag columns has nothing to leave out.
    """
    db.execute(
        "create table onet_ratings (onet_soc_code text, element_id text, scale_id text,"
        " data_value double, is_reliable boolean)"
    )
    for name in ONET_FILES:
        path = str(data / "onet_text" / f"{name}.txt")
        source = "read_csv($path, all_varchar = true, header = true, delim = '\t', quote = '')"
        described = db.execute(f"describe from {source}", {"path": path}).fetchall()
        columns = {row[0] for row in described}
        flags = [flag for flag in ("Recommend Suppress", "Not Relevant") if flag in columns]
        reliable = " and ".join(f""""{flag}" is distinct from 'Y'""" for flag in flags) or "true"
        db.execute(
            f"""
            insert into onet_ratings
            select
                "O*NET-SOC Code",
                "Element ID",
                "Scale ID",
                cast("Data Value" as double),
                {reliable},
            from {source}
            where "Scale ID" in ('LV', 'IM')
            """,
            {"path": path},
        )


def measure(data: Path, seeds: Path = SEEDS) -> duckdb.DuckDBPyConnection:
    """Return a connection that holds `pair_agreement`, measured from the publishers' files."""
    db = duckdb.connect()
    load_seeds(db, seeds)
    load_oasis(db, data)
    load_onet(db, data)
    db.execute(UNIT_GROUP_OASIS)
    db.execute(CROSSWALK, {"path": str(data / "noc_onet_crosswalk" / "noc2021_onet26.csv")})
    db.execute(UNIT_GROUP_ONET)
    db.execute(PAIR_AGREEMENT)
    return db


def agreement_rows(db: duckdb.DuckDBPyConnection) -> list[tuple[str, str, float, int]]:
    """Return domain, basis, agreement (median Spearman, -1..1) and the number of its pairs."""
    return db.execute(DOMAIN_AGREEMENT).fetchall()


def main() -> None:
    """Print the measured agreement as CSV."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the publishers' files")
    parser.add_argument("--pairs", action="store_true", help="print each pair, not the medians")
    arguments = parser.parse_args()

    db = measure(arguments.data)
    out = csv.writer(sys.stdout, lineterminator="\n")
    if arguments.pairs:
        cursor = db.execute("from pair_agreement order by domain, attribute_id, scale_id")
        out.writerow([column[0] for column in cursor.description or []])
        out.writerows(cursor.fetchall())
        return
    out.writerow(["domain", "basis", "agreement", "pairs"])
    for domain, basis, agreement, pairs in agreement_rows(db):
        out.writerow([domain, basis, f"{agreement:.2f}", pairs])


if __name__ == "__main__":
    main()
