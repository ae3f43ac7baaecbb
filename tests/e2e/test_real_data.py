"""The published files themselves, read as they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from e2e.gold_digests import TABLES, digests, recorded, take_older_rules
from e2e.runs import ROOT, Run, Warehouse

DATA = ROOT.parent / "shared" / "data"
QUARANTINE = "main_intermediate.int_quarantined_rows"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(
        not DATA.is_dir(), reason=f"{DATA} is not there: download the publishers' files into it"
    ),
]


@pytest.fixture(scope="module")
def published_run(new_warehouse: Callable[..., Warehouse]) -> tuple[Warehouse, Run]:
    """The published files, through the whole cascade without a model, by the older rules."""
    warehouse = new_warehouse(
        "published",
        input="files",
        data_dir=str(DATA),
        oasis_dir="oasis_2023_v1_0",
        noc_structure_file="noc_2021/noc_structure_en.csv",
        noc_onet_crosswalk_file="noc_onet_crosswalk/noc2021_onet26.csv",
        onet_dir="onet_text",
        jobs_file="jobs_example_titles.csv",
        llm_mode="off",
    )
    take_older_rules(warehouse)
    return warehouse, warehouse.dbt("run")


@pytest.fixture(scope="module")
def published(published_run: tuple[Warehouse, Run]) -> Warehouse:
    """The warehouse of that run."""
    published_run[1].ok()
    return published_run[0]


def test_grid_is_the_size_that_the_files_have(published: Warehouse) -> None:
    """18,654 jobs and 245 attributes make 4,570,230 cells."""
    counts = {
        name: published.one(f"select count(*) from main_intermediate.{name}")
        for name in ("int_jobs", "int_attributes", "int_cells")
    }
    assert counts == {"int_jobs": 18_654, "int_attributes": 245, "int_cells": 4_570_230}


def test_known_and_missing_make_the_grid(published: Warehouse) -> None:
    """Every cell is known or missing, and jobs without a unit group miss all of theirs."""
    known = published.one("select count(*) from main_intermediate.int_known_values")
    missing = published.one("select count(*) from main_intermediate.int_missing_cells")
    assert known + missing == 4_570_230
    assert (
        published.one(
            """
        select count(*) from main_intermediate.int_missing_cells
        inner join main_intermediate.int_jobs using (job_number) where unit_group is null
        """
        )
        == 626 * 245
    )


def test_the_published_files_are_decided_as_before(published: Warehouse) -> None:
    """Every cell, every candidate and every request is what it was, text for text."""
    before = recorded("published")
    assert {row[0] for row in before} == set(TABLES)
    assert list(digests(published.path)) == before


def test_no_row_is_an_error(published: Warehouse) -> None:
    """No row of the published files is an error, for all their oddities."""
    assert published.query(f"select * from {QUARANTINE} where is_error limit 5") == []


def test_repeated_crosswalk_pairs_count_once(published: Warehouse) -> None:
    """78 of the crosswalk's 1,467 rows repeat a pair; 1,389 pairs are left."""
    assert (
        published.one(f"select count(*) from {QUARANTINE} where input = 'noc_onet_crosswalk'") == 78
    )
    assert (
        published.one(
            "select count(*) from main_intermediate.int_noc_onet_crosswalk_checked where is_usable"
        )
        == 1_389
    )


def test_unreliable_onet_figures_are_left_out_by_rule(published: Warehouse) -> None:
    """Suppressed and not-relevant O*NET rows are as many as the files mark."""
    marked = published.one(
        """
        select count(*) from main_staging.stg_onet_ratings
        where recommend_suppress = 'Y' or not_relevant = 'Y'
        """
    )
    assert marked > 0
    assert (
        published.one(
            f"select count(*) from {QUARANTINE} where input = 'onet_ratings' and not is_error"
        )
        == marked
    )


@pytest.mark.parametrize(
    "file",
    [
        *("skills", "abilities", "knowledges", "personal_attributes", "work_activities"),
        *("work_context", "labels"),
    ],
)
def test_every_oasis_file_names_known_profiles(published: Warehouse, file: str) -> None:
    """All 900 profiles are in the file, each under a code that the labels have."""
    codes = published.query(f"select distinct oasis_profile from main_staging.stg_oasis__{file}")
    known = published.query(
        "select oasis_profile from main_intermediate.int_oasis_profiles_checked where is_usable"
    )
    assert len(codes) == 900
    assert sorted(codes) == sorted(known)


@pytest.mark.parametrize(
    ("file", "column", "strangers"),
    [
        ("interests_oasis_2023_v1.0.csv", "OaSIS Code", ["14404.01"]),
        ("main-duties_oasis-2023_v1.0.csv", "OaSIS profile code", []),
    ],
)
def test_codes_of_other_files_are_restored(
    published: Warehouse,
    published_run: tuple[Warehouse, Run],
    file: str,
    column: str,
    strangers: list[str],
) -> None:
    """The rule for lost zeros restores the codes of files that no model reads, too."""
    compiled = published_run[1].target / "compiled" / "jobforge" / "models" / "staging"
    (model,) = compiled.rglob("stg_oasis__labels.sql")
    lines = model.read_text().partition(" as oasis_profile")[0].split("select")[-1]
    rule = lines.replace("oasis_profile", f'"{column}"').strip()
    assert published.query(
        f"""
        select distinct {rule} as code
        from read_csv('{DATA}/oasis_2023_v1_0/{file}', header = true, all_varchar = true)
        where code not in (
            select oasis_profile from main_intermediate.int_oasis_profiles_checked
        )
        """
    ) == [(code,) for code in strangers]


def test_repeated_names_are_attributes_of_their_own(published: Warehouse) -> None:
    """The ten Work Context columns that repeat a name are other measures with other values."""
    rows = published.query(
        """
        with columns as (
            select
                attribute_id,
                oasis_column,
                rtrim(oasis_column, '0123456789 ') as first_column,
            from main_reference.oasis_attributes
            where oasis_file = 'work_context'
        ),
        ratings as (
            select scope_code, attribute_id, value from main_staging.stg_authoritative_values
        )
        select again.attribute_id, count(*), count(*) filter (where two.value <> one.value)
        from columns as again
        inner join columns as original
            on again.first_column = original.oasis_column
                and again.attribute_id <> original.attribute_id
        inner join ratings as two on again.attribute_id = two.attribute_id
        inner join ratings as one
            on original.attribute_id = one.attribute_id and two.scope_code = one.scope_code
        group by all
        """
    )
    assert len(rows) == 10
    for attribute_id, profiles, different in rows:
        assert profiles == 900, attribute_id
        assert different > 0, attribute_id


def test_titles_with_a_bare_carriage_return_are_whole(published: Warehouse) -> None:
    """A title that holds a bare carriage return is one title, on one line."""
    raw = (DATA / "jobs_example_titles.csv").read_bytes()
    broken = [line for line in raw.split(b"\n") if b"\r" in line.rstrip(b"\r")]
    assert broken
    for line in broken:
        job_id, *_ = line.decode().split(",")
        title = published.one(
            "select job_title from main_intermediate.int_jobs where job_id = $1", job_id
        )
        assert "\r" not in title
        assert title.replace(" ", "") in line.decode().replace("\r", "").replace(" ", "")


def test_titles_are_matched_to_profiles(published: Warehouse) -> None:
    """Nearly all jobs that have a unit group are matched to a profile by their title."""
    matched = published.one("select count(*) from main_intermediate.int_job_oasis_profiles")
    grouped = published.one(
        "select count(*) from main_intermediate.int_jobs where unit_group is not null"
    )
    assert grouped == 18_028
    assert matched / grouped > 0.9


def test_the_published_share_of_onet_is_what_is_measured(published: Warehouse) -> None:
    """What stands in for users without overlap is near this one's, which has the older rules."""
    measured = {
        domain: (share, pairs)
        for domain, share, pairs in published.query(
            "select domain, right_share, pairs from main.gold_source_agreement"
            " where source_type = 'ONET'"
        )
    }
    seeded = {
        domain: (share, pairs)
        for domain, share, pairs in published.query(
            "select domain, right_share, pairs from main_reference.source_agreement"
            " where source_type = 'ONET' and domain <> 'any'"
        )
    }
    assert measured.keys() == seeded.keys()
    for domain, (share, pairs) in measured.items():
        assert share == pytest.approx(seeded[domain][0], abs=0.06)
        assert pairs == pytest.approx(seeded[domain][1], rel=0.25)
