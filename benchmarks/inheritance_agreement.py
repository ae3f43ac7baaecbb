"""How well a wider scope tells a profile's rating: behind `seeds/reference/inheritance_levels.csv`
and the inherited rows of `seeds/reference/source_agreement.csv`.

Every OaSIS rating is held against the mean of its group: of the profiles of its unit group (where
there are several), then of the other unit groups of its minor, sub-major, major group and broad
category. The agreement of an attribute is the Spearman correlation of the two over all profiles
that have such a group; that of a level is the median over the 245 attributes. It is the measure of
`onet_agreement.py`, so that the two confidences can be compared. The right share is that of all
pairs which round to the same whole number.

    python benchmarks/inheritance_agreement.py --data FOLDER
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import duckdb
from onet_agreement import load_oasis, load_seeds

LEVEL_AGREEMENT = """
with levels (inheritance_level, code_length) as (
    values
    ('unit_group_profiles', 5),
    ('minor_group', 4),
    ('sub_major_group', 3),
    ('major_group', 2),
    ('broad_category', 1)
),

-- Within a unit group the profile is one of those averaged, as the job is one of them; above it,
-- its own unit group is left out.
paired as (
    select
        levels.inheritance_level,
        levels.code_length,
        own.attribute_id,
        own.rating,
        case
            when levels.code_length = 5 then sum(own.rating) over in_group
            else sum(own.rating) over in_group - sum(own.rating) over in_unit_group
        end as group_sum,
        case
            when levels.code_length = 5 then count(*) over in_group
            else count(*) over in_group - count(*) over in_unit_group
        end as group_profiles,
    from oasis_ratings as own
    cross join levels
    window
        in_group as (
            partition by
                levels.code_length, own.attribute_id, left(own.oasis_profile, levels.code_length)
        ),
        in_unit_group as (
            partition by levels.code_length, own.attribute_id, left(own.oasis_profile, 5)
        )
),

usable as (
    select *, group_sum / group_profiles as group_mean
    from paired
    where group_profiles > case when code_length = 5 then 1 else 0 end
),

ranked as (
    select
        *,
        rank() over (partition by code_length, attribute_id order by rating)
        + (count(*) over (
            partition by code_length, attribute_id, rating
        ) - 1) / 2.0 as own_rank,
        rank() over (partition by code_length, attribute_id order by group_mean)
        + (count(*) over (
            partition by code_length, attribute_id, group_mean
        ) - 1) / 2.0 as group_rank,
    from usable
),

by_attribute as (
    select
        inheritance_level,
        code_length,
        corr(own_rank, group_rank) as spearman,
        sum(abs(rating - group_mean)) as absolute_error,
        count(case when round(rating) = round(group_mean) then 1 end) as right_pairs,
        count(*) as profiles,
    from ranked
    group by inheritance_level, code_length, attribute_id
)

select
    inheritance_level,
    median(spearman) as agreement,
    sum(absolute_error) / sum(profiles) as mean_absolute_error,
    max(profiles) as profiles,
    sum(right_pairs) / sum(profiles) as right_share,
    cast(sum(profiles) as integer) as pairs,
from by_attribute
group by inheritance_level, code_length
order by code_length desc
"""


def level_rows(data: Path) -> list[tuple[str, float, float, int, float, int]]:
    """Return level, agreement (median Spearman), mean absolute error in points, profiles, and the
    share of all pairs that round to the same whole number, with their count."""
    db = duckdb.connect()
    load_seeds(db)
    load_oasis(db, data)
    return db.execute(LEVEL_AGREEMENT).fetchall()


def main() -> None:
    """Print the measured agreement per level as CSV."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the publishers' files")
    out = csv.writer(sys.stdout, lineterminator="\n")
    names = ["inheritance_level", "agreement", "mean_absolute_error", "profiles"]
    out.writerow([*names, "right_share", "pairs"])
    for level, agreement, error, profiles, share, pairs in level_rows(parser.parse_args().data):
        row = [level, f"{agreement:.2f}", f"{error:.2f}", profiles, f"{share:.2f}", pairs]
        out.writerow(row)


if __name__ == "__main__":
    main()
