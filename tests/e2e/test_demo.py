"""The demo from end to end: what a first `dbt build` gives."""

from __future__ import annotations

import re

import pytest

from e2e.runs import Run, Warehouse, manifest

STATUSES = {
    *("review", "authoritative", "onet", "llm"),
    *("awaiting_llm", "refused", "failed", "set_aside"),
}
GOLD = "main.gold_job_attributes"
PROVENANCE = "main.gold_job_attribute_provenance"


def test_build_is_green(demo_build: tuple[Warehouse, Run]) -> None:
    """`dbt build` on the demo ends well and warns of nothing."""
    _, run = demo_build
    assert set(run.statuses("test").values()) == {"pass"}
    assert set(run.statuses("model").values()) == {"success"}


def test_grid_is_jobs_times_attributes(demo: Warehouse) -> None:
    """The grid has a cell for each job and attribute, and gold has each of them once."""
    jobs = demo.one("select count(*) from main_demo.demo_jobs")
    attributes = demo.one("select count(*) from main_demo.demo_attributes")
    assert demo.one("select count(*) from main_intermediate.int_cells") == jobs * attributes
    assert demo.one(f"select count(*) from {GOLD}") == jobs * attributes
    assert demo.one(f"select count(distinct (job_id, attribute_id)) from {GOLD}") == (
        jobs * attributes
    )


def test_cascade_reconciles(demo: Warehouse) -> None:
    """From step to step of the cascade no cell is lost and none is counted twice."""
    cells = {
        name: demo.one(f"select count(*) from main_intermediate.{name}")
        for name in ("int_cells", "int_known_values", "int_missing_cells", "int_resolved_cells")
    }
    by_status = dict(demo.query(f"select fill_status, count(*) from {GOLD} group by all"))
    asked = demo.one("select count(*) from main_intermediate.int_llm_imputed_attributes")
    assert cells["int_cells"] == cells["int_known_values"] + cells["int_missing_cells"]
    assert cells["int_missing_cells"] == asked
    assert by_status["authoritative"] + by_status["onet"] == cells["int_known_values"]
    filled = sum(by_status.get(status, 0) for status in ("authoritative", "onet", "llm"))
    assert filled == cells["int_resolved_cells"]
    assert sum(by_status.values()) == cells["int_cells"]
    assert demo.one("select sum(cells) from main.gold_imputation_coverage") == cells["int_cells"]


def test_statuses_are_the_closed_list(demo: Warehouse) -> None:
    """Every cell ends in a status of the closed list, which is the documented one."""
    listed = {row[0] for row in demo.query("select fill_status from main_reference.fill_statuses")}
    assert listed == STATUSES
    assert {row[0] for row in demo.query(f"select distinct fill_status from {GOLD}")} <= STATUSES


def test_part_left_for_the_model(demo: Warehouse) -> None:
    """Between 15 and 30 % of the demo's cells have no authoritative and no O*NET value."""
    missing = demo.one("select count(*) from main_intermediate.int_missing_cells")
    assert 0.15 <= missing / demo.one(f"select count(*) from {GOLD}") <= 0.30


def test_every_inheritance_level_wins(demo: Warehouse) -> None:
    """Each level of inheritance wins at least one cell of the demo."""
    levels = {
        row[0]
        for row in demo.query("select inheritance_level from main_reference.inheritance_levels")
    }
    won = {
        row[0]
        for row in demo.query(
            f"select distinct inheritance_level from {GOLD} where source_type = 'AUTHORITATIVE'"
        )
    }
    assert won == levels


def test_demo_has_every_value_type(demo: Warehouse) -> None:
    """Values of all five types are filled, each in the one column of its type."""
    rows = demo.query(
        f"""
        select value_type, count(value_number), count(value_category), count(value_boolean),
            count(value_text), count(*)
        from {GOLD} where value is not null group by value_type order by value_type
        """
    )
    columns = {"category": 1, "boolean": 2, "text": 3}
    assert [row[0] for row in rows] == ["boolean", "category", "number", "rating", "text"]
    for value_type, *filled, total in rows:
        expected = [0, 0, 0, 0]
        expected[columns.get(value_type, 0)] = total
        assert filled == expected, value_type


def test_losers_are_kept(demo: Warehouse) -> None:
    """The provenance keeps what lost: O*NET below authoritative, and broader scopes below."""
    assert demo.one(
        f"""
        select count(*) from {PROVENANCE} as loser
        inner join {PROVENANCE} as winner using (job_id, attribute_id)
        where winner.is_winner and winner.source_type = 'AUTHORITATIVE'
            and not loser.is_winner and loser.source_type = 'ONET'
        """
    )
    assert demo.one(
        f"""
        select count(*) from {PROVENANCE} as loser
        inner join {PROVENANCE} as winner using (job_id, attribute_id)
        where winner.is_winner and winner.inheritance_level = 'job'
            and not loser.is_winner and loser.inheritance_level is not null
        """
    )


def test_winner_is_what_gold_shows(demo: Warehouse) -> None:
    """A filled cell shows its one winner, value and provenance alike."""
    shown = """job_id, attribute_id, value, source_type, source_precedence, dataset,
        dataset_release, source_record, inheritance_level, confidence, rationale, model_used,
        prompt_version, request_id, imputed_at, is_stale"""
    gold = f"select {shown} from {GOLD} where source_type is not null"
    winners = f"select {shown} from {PROVENANCE} where is_winner"
    assert demo.query(f"({gold} except {winners}) union all ({winners} except {gold})") == []


def test_onet_value_names_its_codes(demo: Warehouse) -> None:
    """An O*NET value names every SOC code that it is the mean of, and no other."""
    cells = demo.query(
        f"""
        select distinct jobs.unit_group, gold.attribute_id, gold.source_record, gold.value
        from {GOLD} as gold inner join main_demo.demo_jobs as jobs using (job_id)
        where gold.source_type = 'ONET'
        """
    )
    ratings = demo.query(
        """
        select c.unit_group, e.attribute_id,
            r.onet_soc_code || case when r.not_relevant = 'Y' then ' (not relevant)' else '' end,
            r.scale_id,
            avg(
                case when r.not_relevant = 'Y' then s.minimum else cast(r.data_value as double) end
            ),
            any_value(a.scale_maximum)
        from main_demo.demo_onet_ratings as r
        inner join main_demo.demo_attribute_onet_elements as e using (element_id, scale_id)
        inner join main_demo.demo_attributes as a using (attribute_id)
        inner join main_reference.onet_scales as s using (scale_id)
        inner join (
            select distinct unit_group, onet_soc_code from main_demo.demo_noc_onet_crosswalk
        ) as c using (onet_soc_code)
        where coalesce(r.recommend_suppress, 'N') <> 'Y'
        group by all order by 3
        """
    )
    assert cells
    for unit_group, attribute_id, record, value in cells:
        rated = [row[2:] for row in ratings if row[:2] == (unit_group, attribute_id)]
        assert record == "O*NET-SOC " + ", ".join(code for code, *_ in rated)
        rescaled = []
        for _, scale, rating, top in rated:
            low, high = {"LV": (0, 7), "IM": (1, 5)}[scale]
            rescaled.append((rating - low) / (high - low) * top)
        mean = sum(rescaled) / len(rescaled)
        assert float(value) == pytest.approx(mean, abs=0.0051)
    assert any("," in record for _, _, record, _ in cells)


def test_aggregate_names_all_profiles(demo: Warehouse) -> None:
    """Where the title matches none of several profiles, the value names them all."""
    rows = demo.query(
        f"""
        select distinct jobs.unit_group, gold.source_record
        from {GOLD} as gold inner join main_demo.demo_jobs as jobs using (job_id)
        where gold.inheritance_level = 'unit_group_profiles' and gold.dataset = 'OaSIS'
            and gold.value_type = 'rating'
        """
    )
    assert rows
    for unit_group, record in rows:
        profiles = demo.query(
            "select oasis_profile from main_demo.demo_oasis_profiles"
            " where left(oasis_profile, 5) = $1 order by 1",
            unit_group,
        )
        assert len(profiles) > 1
        assert record == "mean of OaSIS profiles " + ", ".join(row[0] for row in profiles)


def test_aggregate_is_less_sure_than_a_profile(demo: Warehouse) -> None:
    """A mean over several profiles has a lower confidence than a matched profile."""
    confidence = dict(
        demo.query(
            f"select inheritance_level, max(confidence) from {GOLD}"
            " where inheritance_level is not null group by 1"
        )
    )
    assert confidence["unit_group_profiles"] < confidence["oasis_profile"] <= confidence["job"]


def test_replayed_answers_name_their_real_model(demo: Warehouse) -> None:
    """A replayed value carries the recording's model, prompt version and time, unchanged."""
    recorded = demo.one("select count(*) from main_demo.demo_llm_recorded_answers")
    if not recorded:
        pytest.skip("no answers are recorded yet")
    assert demo.one(f"select count(*) from {GOLD} where source_type = 'LLM'")
    assert (
        demo.query(
            f"""
        select gold.job_id, gold.attribute_id
        from {GOLD} as gold
        left join main_demo.demo_llm_recorded_answers as recorded
            on gold.job_id = recorded.job_id and gold.attribute_id = recorded.attribute_id
            and gold.value = recorded.value and gold.model_used = recorded.model_used
            and gold.prompt_version = recorded.prompt_version
            and gold.imputed_at = cast(recorded.imputed_at as timestamptz)
        where gold.source_type = 'LLM' and recorded.job_id is null
        """
        )
        == []
    )


def test_demo_is_complete(demo: Warehouse) -> None:
    """After a first build no cell of the demo is open."""
    if not demo.one("select count(*) from main_demo.demo_llm_recorded_answers"):
        pytest.skip("no answers are recorded yet")
    assert (
        demo.query(f"select job_id, attribute_id, fill_reason from {GOLD} where value is null")
        == []
    )


def test_wide_table_shows_gold(demo: Warehouse) -> None:
    """The wide table has one row a job, one typed column an attribute, and gold's values."""
    (row,) = demo.dicts("select * from main.gold_jobs_wide where job_id = 'LW-001'")
    gold = demo.dicts(f"select * from {GOLD} where job_id = 'LW-001'")
    assert len(gold) == demo.one("select count(*) from main_demo.demo_attributes")
    for cell in gold:
        typed = {"rating": "number"}.get(cell["value_type"], cell["value_type"])
        assert row[cell["attribute_id"]] == cell[f"value_{typed}"]
    assert len(row) == len(gold) + 5


def test_summary_counts_what_gold_holds(demo_build: tuple[Warehouse, Run]) -> None:
    """The run's last words give gold's own numbers."""
    warehouse, run = demo_build
    counts = dict(warehouse.query(f"select fill_status, count(*) from {GOLD} group by all"))
    total = sum(counts.values())
    assert f"JobForge: {total} cells" in run.output
    for status, label in {
        "authoritative": "from authoritative sources",
        "onet": "from O*NET",
        "llm": "from the model",
        "awaiting_llm": "waiting for the model",
        "refused": "refused by the model",
        "failed": "failed",
    }.items():
        said = re.search(rf"  {re.escape(label)} +(\d+) ", run.output)
        assert said, label
        assert int(said.group(1)) == counts.get(status, 0)


def test_suppressed_figures_are_counted_not_dropped(demo: Warehouse) -> None:
    """Suppressed O*NET rows stand in quarantine, by rule and not as errors."""
    flagged = demo.one(
        "select count(*) from main_demo.demo_onet_ratings where recommend_suppress = 'Y'"
    )
    assert flagged
    assert demo.query(
        "select is_error, count(*) from main_intermediate.int_quarantined_rows"
        " where input = 'onet_ratings' group by all"
    ) == [(False, flagged)]
    assert (
        demo.one("select count(*) from main_intermediate.int_quarantined_rows where is_error") == 0
    )


def test_lineage_leads_through_the_python_model(demo_build: tuple[Warehouse, Run]) -> None:
    """The lineage leads from the jobs through the Python model to gold and its exposures."""
    children = manifest(demo_build[1].target)["child_map"]
    reached, waiting = set(), ["model.jobforge.llm_imputed_attributes"]
    while waiting:
        node = waiting.pop()
        if node not in reached:
            reached.add(node)
            waiting += children[node]
    assert "model.jobforge.gold_job_attributes" in reached
    assert any(node.startswith("exposure.") for node in reached)
    assert (
        "model.jobforge.llm_imputed_attributes"
        in children["model.jobforge.int_imputation_requests"]
    )
