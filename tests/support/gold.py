"""Gold tables without a build: as many cells as a test wants, from DuckDB's own ranges.

What stands in them is arithmetic on the numbers of job and attribute, so that a test can say what
must come out. The columns are those that the page reads, in gold's types.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

__all__ = ["HOSTILE", "TABLES", "make_gold"]

# What a model or a table could hold to break out of a page.
HOSTILE = (
    "</script><script>window.owned = 1</script><!-- <img src=x onerror=window.owned=2>"
    " {{ 7 * 7 }} \u2028 \u202e \"quoted\" 'single' & &amp;"
)
# The first job and attribute have ids that a shell and SQL must be told as texts.
FIRST_JOB, FIRST_ATTRIBUTE = "J-0 'x'", "a0'; --"

_CELLS = """
    create table cells as
    with numbered as (
        select
            jobs.range as job, attributes.range as attribute,
            (jobs.range * 7 + attributes.range * 13) % 100 as draw,
            (jobs.range + attributes.range) % 6 as grade
        from range($jobs) as jobs, range($attributes) as attributes
    )

    select
        case when job = 0 then $first_job else 'J-' || job end as job_id,
        case when attribute = 0 then $first_attribute else 'a' || attribute end as attribute_id,
        'Attribute ' || attribute as attribute_name,
        'domain ' || (attribute % $domains) as domain,
        'family ' || (job % $families) as job_family,
        case when job = 0 then 'Nurse <b>bold</b>' else 'Job title ' || job end as job_title,
        job, attribute, draw, cast(grade as varchar) as grade,
        case
            when draw < 60 then 'authoritative' when draw < 75 then 'onet' when draw < 97 then 'llm'
            else 'awaiting_llm'
        end as fill_status
    from numbered
"""
_GOLD_JOB_ATTRIBUTES = """
    select
        job_id, attribute_id, attribute_name, domain, 'rating' as value_type,
        case when draw < 97 then grade end as value,
        case when draw < 97 then cast(grade as double) end as value_number,
        fill_status,
        case when draw >= 97 then 'the cap of 200 calls was reached' end as fill_reason,
        case when draw >= 97 then 'cap_calls' end as fill_reason_code,
        case when draw < 97 then replace(upper(fill_status), '_LLM', '') end as source_type,
        case when draw < 60 then 3.0 when draw < 75 then 2.0 when draw < 97 then 1.0 end
            as source_precedence,
        case when draw < 60 then 'OaSIS' when draw < 75 then 'O*NET' when draw < 97 then 'LLM' end
            as dataset,
        case when draw < 97 then '2023' end as dataset_release,
        case when draw < 97 then 'record ' || job end as source_record,
        case when draw < 60 then 'unit_group' end as inheritance_level,
        case when draw between 75 and 96 then 0.9 end as stated_confidence,
        case when draw between 60 and 85 then 0.425806 end as measured_confidence,
        case
            when draw < 60 then 'no_overlap' when draw < 75 then 'overlap'
            when draw < 86 then 'backtest' when draw < 97 then 'no_twin'
        end as confidence_basis,
        case when draw between 75 and 85 then greatest(cast(grade as double) - 1, 0) end
            as value_low,
        case when draw between 75 and 85 then cast(grade as double) + 1 end as value_high,
        case
            when draw between 75 and 96 and attribute % 5 = 0 then $hostile
            when draw between 75 and 96 then 'Closest jobs have ' || grade
        end as rationale,
        case when draw between 75 and 96 then 'small-model' end as model_used,
        case when draw between 75 and 96 then '1-abc' end as prompt_version,
        case when draw between 75 and 96 then 'r' || job end as request_id,
        case when draw between 75 and 96 then timestamptz '2026-11-22 11:33:59+00' end
            as imputed_at,
        case when draw between 75 and 96 then false end as is_stale,
        case when draw = 5 then 'Dana <i>Reviewer</i>' end as reviewed_by,
        case when draw = 5 then timestamptz '2026-11-25 09:00:00+00' end as reviewed_at,
        case when draw = 5 then 'I know this job' end as review_reason,
        'run-1' as dbt_invocation_id
    from cells
"""
_GOLD_JOB_ATTRIBUTE_PROVENANCE = """
    with ranked as (
        select *, 1 as candidate_rank, true as is_winner from gold_job_attributes
        where value is not null and hash(job_id) % $share = 0
        union all
        select
            * replace (
                'ONET' as source_type, 'O*NET' as dataset, '1' as value,
                null as inheritance_level
            ), 2, false
        from gold_job_attributes
        where source_type = 'AUTHORITATIVE' and hash(job_id) % $share = 0
            and hash(job_id, attribute_id) % 3 = 0
    )

    select *, false as is_superseded from ranked
"""
_GOLD_IMPUTATION_COVERAGE = """
    select
        attribute_id, any_value(attribute_name) as attribute_name, any_value(domain) as domain,
        job_family, fill_status,
        any_value(case when draw < 97 then replace(upper(fill_status), '_LLM', '') end)
            as source_type,
        count(*) as cells, cast(null as double) as mean_confidence
    from cells
    group by attribute_id, job_family, fill_status
"""
_GOLD_JOBS_WIDE = """
    select distinct job_id, job_title, job_family, 'function' as job_function,
        '21211' as unit_group
    from cells
"""
_GOLD_IMPUTATION_USAGE = """
    select
        'run-' || run || case when run % 2 = 0 then '-backtest' else '' end
            as dbt_invocation_id,
        'small-model' as model_requested, 'domain ' || part as domain,
        timestamptz '2026-11-20 10:00:00+00' + interval (run) hour as first_sent_at,
        10 + run as calls, 12 + run as attempts, 1 as attempts_without_answer,
        1000 * (run + 1) as prompt_tokens, 400 as cached_tokens, 90 as completion_tokens,
        case when run < 5 then 0.0125 * (run + 1) end as cost_usd,
        case when run < 5 then 0 else 12 end as attempts_without_price,
        case when run = 3 then 2 else 0 end as attempts_without_usage,
        100 + part as cells_answered, 1 as cells_refused
    from (select unnest(range(6)) as run), (select unnest(range(2)) as part)
"""
_GOLD_IMPUTATION_ACCURACY = """
    with estimators as (
        select unnest(['llm', 'attribute_mean', 'nearest', 'five_nearest', 'onet']) as estimator
    ),

    strata as (
        select
            unnest(range(least($domains, 6))) as part, 'job_without_unit_group' as source_gap
        union all
        select 0, 'no_value_reaches_the_job'
    )

    select
        source_gap, 'domain ' || part as domain,
        case when source_gap = 'job_without_unit_group' then 'rating' else 'category' end
            as value_type,
        estimator,
        case when estimator = 'llm' then 'small-model' end as model_used,
        case when estimator = 'llm' then '1-abc' end as prompt_version,
        40 - 5 * part as cells, 12 as jobs, part > 2 as is_thin,
        0.5 + 0.1 * part + length(estimator) / 50 as mae,
        0.4 + 0.1 * part as mae_low, 0.9 + 0.1 * part as mae_high,
        0.1 as bias, -0.1 as bias_low, 0.3 as bias_high,
        0.4 as exact, 0.3 as exact_low, 0.5 as exact_high,
        'five_nearest' as best_baseline,
        case part when 0 then 0.2 when 1 then -0.3 else 0.01 end as skill,
        case part when 0 then 0.1 when 1 then -0.4 else -0.2 end as skill_low,
        case part when 0 then 0.3 when 1 then -0.2 else 0.2 end as skill_high,
        'measured' as measurement
    from strata, estimators
    union all
    select
        'attribute_in_no_source', 'domain 0', 'rating', null, null, null, 0, 0, true,
        null, null, null, null, null, null, null, null, null, null, null, null, null, 'no_twin'
"""
_GOLD_IMPUTATION_RELIABILITY = """
    with bins as (
        select unnest([null, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]) as stated_confidence
    ),

    strata as (
        select null as source_gap, null as domain, null as value_type
        union all
        select 'job_without_unit_group', 'domain 0', 'rating'
    )

    select
        strata.*, 'small-model' as model_used, '1-abc' as prompt_version, 'stated' as feature,
        true as is_chosen, stated_confidence,
        cast(coalesce(stated_confidence * 100, 450) as integer) as cells,
        coalesce(stated_confidence < 0.6, false) as is_thin,
        coalesce(stated_confidence / 2, 0.41) as right_share,
        stated_confidence * 0.6 as measured_confidence,
        stated_confidence * 0.5 as measured_confidence_low,
        stated_confidence * 0.7 as measured_confidence_high,
        0.47 as stated_brier, 0.25 as measured_brier, 0.49 as stated_ece, 0.03 as measured_ece,
        case when stated_confidence is null and source_gap is not null then 120 end
            as interval_cells,
        case when stated_confidence is null and source_gap is not null then 0.908 end
            as interval_coverage,
        0.8 as mean_half_width
    from strata, bins
"""
_GOLD_SOURCE_AGREEMENT = """
    select
        source_type, inheritance_level, 'domain ' || part as domain, 'rating' as value_type,
        60 - part * 20 as pairs, part > 1 as is_thin, 0.7 as mae, 0.1 as bias,
        0.4 + part / 10 as right_share, 0.3 as right_share_low, 0.8 as right_share_high,
        null::double as published_right_share,
        case when part < 2 then 0.4 + part / 10 end as measured_confidence,
        case when part < 2 then 'overlap' else 'no_overlap' end as confidence_basis
    from (
        select 'ONET' as source_type, null as inheritance_level
        union all
        select 'AUTHORITATIVE', 'unit_group'
    ), (select unnest(range(3)) as part)
"""
_GOLD_MODEL_COMPARISON = """
    select
        model as asked_model, 'before' as asked_rationale, 160 as cells, 160 as answered_cells,
        155 as compared_cells, 21 as jobs, false as is_thin,
        case when model = 'small-model' then 0.27 else 0.12 end as error,
        0.1 as error_low, 0.3 as error_high, 0.43 as right_share,
        case when model = 'small-model' then 0.02 else 1.4 end as cost_per_1000_cells_usd,
        1.2 as seconds_per_cell, model = 'large-model' as is_as_good_as_best,
        model = 'large-model' as is_cheapest_as_good, 'compared' as comparison
    from (select unnest(['small-model', 'large-model']) as model)
"""
_GOLD_FAMILY_ESTIMATES = """
    select
        'job_family' as grouped_by, 'family ' || part as group_name, 'a1' as attribute_id,
        'Attribute 1' as attribute_name, 'domain 1' as domain, 4 as known_cells,
        6 as imputed_cells, 3.1 as mean,
        case when part = 0 then 2.8 end as estimate,
        case when part = 0 then 2.5 end as estimate_low,
        case when part = 0 then 3.1 end as estimate_high,
        case when part = 0 then 34 else 12 end as twins, 'stratum' as twins_of,
        case when part = 0 then 'measured' else 'too_few_twins' end as measurement
    from (select unnest(range(2)) as part)
"""
_GOLD_REVIEW_QUEUE = """
    select
        case when draw <> 75 then row_number() over (order by draw desc, job, attribute) end
            as queue_rank,
        job_id, job_title, job_family, attribute_id, attribute_name, domain,
        'rating' as value_type, grade as value, 'LLM' as source_type,
        case when draw < 95 then (draw - 75) / 40 else 0.1 end as expected_error,
        case when draw < 86 then 'measured' else 'stated' end as error_basis,
        1.5 as weight, (draw - 75) / 30 as priority,
        case when draw < 86 then 0.425806 end as measured_confidence, 0.9 as stated_confidence,
        null::double as value_low, null::double as value_high,
        'Closest jobs have ' || grade as rationale, '' as candidates,
        'Job title 3: 2; Job title 4: 3' as comparable_values, '' as history
    from cells
    where draw between 75 and 96
    qualify row_number() over (order by draw desc, job, attribute) <= 2000
"""
_GOLD_SOURCE_CONFLICTS = """
    select
        job_id, attribute_id, attribute_name, domain, 'rating' as value_type,
        'AUTHORITATIVE' as source_type, grade as value, 'record ' || job as source_record,
        'ONET' as other_source_type, '1' as other_value, 'O*NET-SOC 11' as other_source_record,
        cast(grade as double) - 1 as difference, abs(cast(grade as double) - 1) / 5
            as difference_share
    from cells
    where draw < 60 and grade <> '1' and attribute % 3 = 0
"""
_GOLD_CELL_HISTORY = """
    select
        row_number() over (order by job, attribute) as change_number,
        timestamptz '2026-11-23 10:00:00+00' + interval (job % 3) day as changed_at,
        job_id, attribute_id,
        case when job % 2 = 0 then 'value_changed' else 'filled' end as change_kind,
        'a better source came' as change_reason,
        case when job % 2 = 0 then '2' end as value_before, grade as value_after,
        case when job % 2 = 0 then 'LLM' end as source_type_before,
        'AUTHORITATIVE' as source_type_after,
        case when job % 2 = 0 then 'llm' else 'awaiting_llm' end as fill_status_before,
        'authoritative' as fill_status_after, '2022' as dataset_release_before,
        '2023' as dataset_release_after, 'run-' || (job % 3) as dbt_invocation_id
    from cells
    where draw < 5
"""
TABLES = {
    "gold_job_attributes": _GOLD_JOB_ATTRIBUTES,
    "gold_job_attribute_provenance": _GOLD_JOB_ATTRIBUTE_PROVENANCE,
    "gold_imputation_coverage": _GOLD_IMPUTATION_COVERAGE,
    "gold_jobs_wide": _GOLD_JOBS_WIDE,
    "gold_imputation_usage": _GOLD_IMPUTATION_USAGE,
    "gold_imputation_accuracy": _GOLD_IMPUTATION_ACCURACY,
    "gold_imputation_reliability": _GOLD_IMPUTATION_RELIABILITY,
    "gold_source_agreement": _GOLD_SOURCE_AGREEMENT,
    "gold_model_comparison": _GOLD_MODEL_COMPARISON,
    "gold_family_estimates": _GOLD_FAMILY_ESTIMATES,
    "gold_review_queue": _GOLD_REVIEW_QUEUE,
    "gold_source_conflicts": _GOLD_SOURCE_CONFLICTS,
    "gold_cell_history": _GOLD_CELL_HISTORY,
}


def make_gold(
    path: Path,
    *,
    jobs: int = 20,
    attributes: int = 12,
    families: int = 5,
    domains: int = 4,
    share: int = 1,
) -> Path:
    """Write a warehouse of so many cells, with every gold table that the page reads.

    Of one job in `share` the provenance has its candidates: it is the largest table.
    """
    parameters = {
        "share": share,
        "jobs": jobs,
        "attributes": attributes,
        "families": families,
        "domains": domains,
        "first_job": FIRST_JOB,
        "first_attribute": FIRST_ATTRIBUTE,
        "hostile": HOSTILE,
    }
    with duckdb.connect(str(path)) as connection:
        connection.execute("set preserve_insertion_order = false")
        connection.execute("set enable_progress_bar = false")
        for name, sql in {"cells": _CELLS, **TABLES}.items():
            used = {key: value for key, value in parameters.items() if f"${key}" in sql}
            start = "" if name == "cells" else f"create table {name} as "
            connection.execute(start + sql, used)
        connection.execute("drop table cells")
    return path
