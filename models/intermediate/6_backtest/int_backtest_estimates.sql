-- What each estimator says of each twin: the model, by its answer and by the mean of what
-- it found probable, and the baselines with the same masking. A mean over jobs leaves out
-- the twin's unit group and whoever has the very source record, as comparable jobs do; of
-- categories and truths the most frequent counts, and of equals the first.
with cells as (
    select * from {{ ref("int_backtest_cells") }}
),

source_values as (
    select
        precedence_rank,
        value_id,
        value,
        value_number,
    from {{ ref("int_source_values") }}
),

source_records as (
    select
        precedence_rank,
        value_id,
        source_record_number,
        is_own,
    from {{ ref("int_source_records") }}
),

jobs as (
    select
        job_number,
        unit_group,
        left(unit_group, 4) as minor_group,
    from {{ ref("int_jobs") }}
),

-- Jobs of one unit group with one value are counted once: most jobs share both.
job_counts as (
    select
        known_values.attribute_number,
        known_values.precedence_rank,
        known_values.value_id,
        jobs.unit_group,
        jobs.minor_group,
        count(*) as jobs,
    from {{ ref("int_known_values") }} as known_values
    inner join jobs
        on known_values.job_number = jobs.job_number
    where known_values.attribute_number in (select attribute_number from cells)
    group by
        known_values.attribute_number,
        known_values.precedence_rank,
        known_values.value_id,
        jobs.unit_group,
        jobs.minor_group
),

value_counts as (
    select
        job_counts.attribute_number,
        job_counts.unit_group,
        job_counts.minor_group,
        source_records.source_record_number,
        source_records.is_own,
        source_values.value,
        source_values.value_number,
        sum(job_counts.jobs) as jobs,
    from job_counts
    inner join source_records
        on
            job_counts.precedence_rank = source_records.precedence_rank
            and job_counts.value_id = source_records.value_id
    inner join source_values
        on
            job_counts.precedence_rank = source_values.precedence_rank
            and job_counts.value_id = source_values.value_id
    group by
        job_counts.attribute_number,
        job_counts.unit_group,
        job_counts.minor_group,
        source_records.source_record_number,
        source_records.is_own,
        source_values.value,
        source_values.value_number
),

-- Without the twin's own job, which has its value from the same record.
other_values as (
    select
        cells.twin_number,
        cells.attribute_number,
        value_counts.value,
        value_counts.value_number,
        value_counts.jobs,
        coalesce(
            cells.masked_gap <> 'job_without_unit_group'
            and left(cells.unit_group, 4) = value_counts.minor_group, false
        ) as is_in_minor_group,
    from cells
    inner join value_counts
        on cells.attribute_number = value_counts.attribute_number
    where
        value_counts.source_record_number <> cells.source_record_number
        and (
            cells.is_own
            or value_counts.unit_group is distinct from cells.unit_group
        )
        and (value_counts.is_own or cells.masked_gap <> 'attribute_in_no_source')
),

comparable as (
    select
        comparable_jobs.job_number as twin_number,
        comparable_jobs.attribute_number,
        comparable_jobs.comparable_rank,
        source_values.value,
        source_values.value_number,
    from {{ ref("int_comparable_jobs") }} as comparable_jobs
    inner join source_values
        on
            comparable_jobs.precedence_rank = source_values.precedence_rank
            and comparable_jobs.value_id = source_values.value_id
    where
        comparable_jobs.job_number in (select twin_number from cells)
        and comparable_jobs.comparable_rank <= 5
),

votes as (
    select
        twin_number,
        attribute_number,
        'attribute_mean' as estimator,
        value,
        min(value_number) as value_number,
        sum(jobs) as jobs,
        0 as first_rank,
    from other_values
    group by twin_number, attribute_number, value
    union all
    select
        twin_number,
        attribute_number,
        'minor_group_mean' as estimator,
        value,
        min(value_number) as value_number,
        sum(jobs) as jobs,
        0 as first_rank,
    from other_values
    where is_in_minor_group
    group by twin_number, attribute_number, value
    union all
    select
        twin_number,
        attribute_number,
        'five_nearest' as estimator,
        value,
        min(value_number) as value_number,
        count(*) as jobs,
        min(comparable_rank) as first_rank,
    from comparable
    group by twin_number, attribute_number, value
    union all
    select
        twin_number,
        attribute_number,
        'nearest' as estimator,
        value,
        value_number,
        1 as jobs,
        1 as first_rank,
    from comparable
    where comparable_rank = 1
),

ranked_votes as (
    select
        *,
        row_number() over (
            partition by twin_number, attribute_number, estimator
            order by jobs desc, first_rank asc, value asc
        ) as place,
    from votes
),

baselines as (
    select
        twin_number,
        attribute_number,
        estimator,
        max(case when place = 1 then value end) as value,
        sum(value_number * jobs) / sum(jobs) as value_number,
    from ranked_votes
    group by twin_number, attribute_number, estimator
),

onet as (
    select
        cells.twin_number,
        cells.attribute_number,
        'onet' as estimator,
        source_values.value,
        source_values.value_number,
    from cells
    inner join {{ ref("int_onet_candidates") }} as candidates
        on
            cells.job_number = candidates.job_number
            and cells.attribute_number = candidates.attribute_number
    inner join source_values
        on
            candidates.precedence_rank = source_values.precedence_rank
            and candidates.value_id = source_values.value_id
    where cells.source_type = 'AUTHORITATIVE'
),

answers as (
    select
        answers.twin_number,
        answers.attribute_number,
        answers.value,
        {{ to_number("answers.value") }} as value_number,
        answers.model_used,
        answers.prompt_version,
        answers.confidence as stated_confidence,
        probabilities.answer_probability,
        probabilities.expected_value,
    from {{ ref("int_backtest_answers") }} as answers
    left join {{ ref("int_answer_probabilities") }} as probabilities
        on
            answers.twin_number = probabilities.job_number
            and answers.attribute_number = probabilities.attribute_number
            and answers.model_used = probabilities.model_used
            and answers.imputed_at = probabilities.imputed_at
    where answers.outcome = 'answered'
),

without_model as (
    select * from baselines
    union all
    select * from onet
),

all_estimates as (
    select
        *,
        cast(null as {{ dbt.type_string() }}) as model_used,
        cast(null as {{ dbt.type_string() }}) as prompt_version,
        cast(null as double) as stated_confidence,
        cast(null as double) as answer_probability,
    from without_model
    union all
    select
        twin_number,
        attribute_number,
        'llm' as estimator,
        value,
        value_number,
        model_used,
        prompt_version,
        stated_confidence,
        answer_probability,
    from answers
    union all
    select
        twin_number,
        attribute_number,
        'llm_expected' as estimator,
        cast(cast(round(expected_value) as integer) as {{ dbt.type_string() }}) as value,
        expected_value as value_number,
        model_used,
        prompt_version,
        cast(null as double) as stated_confidence,
        cast(null as double) as answer_probability,
    from answers
    where expected_value is not null
),

estimates as (
    select
        cells.masked_gap,
        cells.domain,
        cells.value_type,
        all_estimates.estimator,
        all_estimates.model_used,
        all_estimates.prompt_version,
        all_estimates.stated_confidence,
        all_estimates.answer_probability,
        cells.twin_number,
        cells.attribute_number,
        cells.job_number,
        cells.job_hash,
        cells.fold,
        cells.draw,
        cells.true_value,
        cells.true_number,
        case
            when cells.true_number is null then all_estimates.value
        end as estimated_value,
        case
            when cells.true_number is not null then all_estimates.value_number
        end as estimated_number,
        all_estimates.value_number - cells.true_number as error,
        {{ is_right(
            "all_estimates.value", "all_estimates.value_number",
            "cells.true_value", "cells.true_number", "null",
        ) }} as is_exact,
        {{ is_right(
            "all_estimates.value", "all_estimates.value_number",
            "cells.true_value", "cells.true_number", "cells.tolerance",
        ) }} as is_right,
        case
            when cells.is_whole_scale
                then ceil(round(abs(all_estimates.value_number - cells.true_number), 6))
            else round(abs(all_estimates.value_number - cells.true_number), 6)
        end as distance,
    from cells
    inner join all_estimates
        on
            cells.twin_number = all_estimates.twin_number
            and cells.attribute_number = all_estimates.attribute_number
)

select * from estimates
