-- Which model, at what price. Ways to ask are compared on the cells that all of them have
-- answered. The error of a cell is from 0 to 1: of a rating the share of its scale that
-- the answer is off by, else whether it is wrong. A text has no right wording. What an
-- answer costs is what all sendings for twins cost, failed ones too.
{%- set key = "asked_model, asked_rationale" %}
with cells as (
    select
        backtest_cells.*,
        case
            when attributes.value_type = 'rating'
                then attributes.scale_maximum - attributes.scale_minimum
        end as scale_length,
    from {{ ref("int_backtest_cells") }} as backtest_cells
    inner join {{ ref("int_attributes") }} as attributes
        on backtest_cells.attribute_number = attributes.attribute_number
),

answers as (
    select
        *,
        {{ to_number("value") }} as value_number,
    from {{ ref("int_backtest_answers") }}
),

ways as (
    select
        {{ key }},
        max(prompt_version) as prompt_version,
        count(*) as cells,
        count(case when outcome = 'answered' then 1 end) as answered_cells,
        sum(estimated_cost_usd) as estimated_cost_usd,
    from answers
    group by {{ key }}
),

judged as (
    select
        answers.asked_model,
        answers.asked_rationale,
        answers.twin_number,
        answers.attribute_number,
        cells.job_hash,
        cells.fold,
        cells.masked_gap as source_gap,
        cells.domain,
        cells.value_type,
        answers.model_used,
        answers.prompt_version,
        answers.confidence as stated_confidence,
        {{ confidence_step("answers.confidence") }} as step,
        case when {{ is_right(
            "answers.value", "answers.value_number",
            "cells.true_value", "cells.true_number", "cells.tolerance",
        ) }} then 1.0 else 0.0 end as is_right,
        abs(answers.value_number - cells.true_number) / cells.scale_length
            as share_of_scale,
        count(*) over (
            partition by answers.twin_number, answers.attribute_number
        ) as ways,
    from answers
    inner join cells
        on
            answers.twin_number = cells.twin_number
            and answers.attribute_number = cells.attribute_number
    where answers.outcome = 'answered' and cells.value_type <> 'text'
),

compared as (
    select
        judged.*,
        coalesce(judged.share_of_scale, 1 - judged.is_right) as error,
        confidence_map.measured_confidence,
    from judged
    left join {{ ref("int_confidence_map") }} as confidence_map
        on
            {{ same_confidence_key("judged", "confidence_map") }}
            and confidence_map.feature = 'stated'
            and judged.fold = confidence_map.held_out_fold
            and judged.step = confidence_map.step
    where
        judged.ways = (
            select count(*) from ways
            where answered_cells > 0
        )
),

figures as (
    select
        {{ key }},
        count(*) as compared_cells,
        count(distinct job_hash) as jobs,
        avg(error) as error,
        avg(is_right) as right_share,
        avg((stated_confidence - is_right) * (stated_confidence - is_right))
            as stated_brier,
        avg((measured_confidence - is_right) * (measured_confidence - is_right))
            as measured_brier,
    from compared
    group by {{ key }}
),

-- The expected calibration error: how far stated or measured confidence is from the share
-- that was right, step by step of what is stated.
by_step as (
    select
        {{ key }},
        step,
        abs(sum(stated_confidence - is_right)) as stated_gap,
        abs(sum(measured_confidence - is_right)) as measured_gap,
        count(*) as cells,
        count(measured_confidence) as measured_cells,
    from compared
    group by {{ key }}, step
),

calibration as (
    select
        {{ key }},
        sum(stated_gap) / sum(cells) as stated_ece,
        sum(measured_gap) / nullif(sum(measured_cells), 0) as measured_ece,
    from by_step
    group by {{ key }}
),

best as (
    select
        asked_model,
        asked_rationale,
    from figures
    qualify row_number() over (
            order by error asc, asked_model asc, asked_rationale asc
        ) = 1
),

by_job as (
    select
        compared.asked_model,
        compared.asked_rationale,
        compared.job_hash,
        count(*) as cells,
        sum(compared.error) as error,
        sum(of_best.error) as best_error,
    from compared
    cross join best
    inner join compared as of_best
        on
            best.asked_model = of_best.asked_model
            and best.asked_rationale = of_best.asked_rationale
            and compared.twin_number = of_best.twin_number
            and compared.attribute_number = of_best.attribute_number
    group by
        compared.asked_model,
        compared.asked_rationale,
        compared.job_hash
),

resampled as (
    select
        by_job.asked_model,
        by_job.asked_rationale,
        job_resamples.resample,
        sum(job_resamples.weight * by_job.error)
        / sum(job_resamples.weight * by_job.cells) as error,
        sum(job_resamples.weight * (by_job.error - by_job.best_error))
        / sum(job_resamples.weight * by_job.cells) as above_best,
    from by_job
    inner join {{ ref("int_job_resamples") }} as job_resamples
        on by_job.job_hash = job_resamples.job_hash
    group by
        by_job.asked_model,
        by_job.asked_rationale,
        job_resamples.resample
),

intervals as (
    select
        {{ key }},
        {{ quantile("error", 0.025) }} as error_low,
        {{ quantile("error", 0.975) }} as error_high,
        {{ quantile("above_best", 0.025) }} as above_best_low,
        {{ quantile("above_best", 0.975) }} as above_best_high,
    from resampled
    group by {{ key }}
),

sendings as (
    select
        model_requested as asked_model,
        prompt_version,
        count(*) as calls,
        sum(cells_answered) as cells,
        sum(cost_usd) as cost_usd,
        count(case when prompt_tokens is not null and cost_usd is null then 1 end)
            as without_price,
        sum(latency_ms) / 1000.0 as seconds,
    from {{ ref("int_llm_attempts") }}
    where {{ is_of_backtest("run_id") }}
    group by model_requested, prompt_version
),

placed as (
    select
        ways.*,
        coalesce(figures.compared_cells, 0) as compared_cells,
        coalesce(figures.jobs, 0) as jobs,
        coalesce(figures.compared_cells, 0) < 30 as is_thin,
        figures.error,
        intervals.error_low,
        intervals.error_high,
        figures.right_share,
        figures.error - min(figures.error) over () as above_best,
        intervals.above_best_low,
        intervals.above_best_high,
        figures.stated_brier,
        figures.measured_brier,
        calibration.stated_ece,
        calibration.measured_ece,
        case
            when sendings.without_price = 0
                then 1000 * sendings.cost_usd / nullif(sendings.cells, 0)
        end as cost_per_1000_cells_usd,
        sendings.seconds / nullif(sendings.cells, 0) as seconds_per_cell,
        sendings.cells * 1.0 / sendings.calls as cells_per_call,
    from ways
    left join figures
        on
            ways.asked_model = figures.asked_model
            and ways.asked_rationale = figures.asked_rationale
    left join calibration
        on
            ways.asked_model = calibration.asked_model
            and ways.asked_rationale = calibration.asked_rationale
    left join intervals
        on
            ways.asked_model = intervals.asked_model
            and ways.asked_rationale = intervals.asked_rationale
    left join sendings
        on
            ways.asked_model = sendings.asked_model
            and ways.prompt_version = sendings.prompt_version
),

decided as (
    select
        *,
        case when not is_thin then above_best_low <= 0 end as is_as_good_as_best,
    from placed
),

comparison as (
    select
        *,
        case
            when is_as_good_as_best is not null
                then is_as_good_as_best and cost_per_1000_cells_usd is not null
                    and row_number() over (
                        partition by is_as_good_as_best
                        order by
                            case when cost_per_1000_cells_usd is null then 1 else 0 end,
                            cost_per_1000_cells_usd asc,
                            error asc,
                            asked_model asc,
                            asked_rationale asc
                    ) = 1
        end as is_cheapest_as_good,
    from decided
)

select
    asked_model,
    asked_rationale,
    prompt_version,
    cast(cells as integer) as cells,
    cast(answered_cells as integer) as answered_cells,
    cast(compared_cells as integer) as compared_cells,
    cast(jobs as integer) as jobs,
    is_thin,
    round(cast(error as double), 6) as error,
    round(cast(error_low as double), 6) as error_low,
    round(cast(error_high as double), 6) as error_high,
    round(cast(right_share as double), 6) as right_share,
    round(cast(above_best as double), 6) as above_best,
    round(cast(above_best_low as double), 6) as above_best_low,
    round(cast(above_best_high as double), 6) as above_best_high,
    round(cast(stated_brier as double), 6) as stated_brier,
    round(cast(measured_brier as double), 6) as measured_brier,
    round(cast(stated_ece as double), 6) as stated_ece,
    round(cast(measured_ece as double), 6) as measured_ece,
    round(cast(cost_per_1000_cells_usd as double), 6) as cost_per_1000_cells_usd,
    round(cast(seconds_per_cell as double), 3) as seconds_per_cell,
    round(cast(cells_per_call as double), 3) as cells_per_call,
    round(cast(estimated_cost_usd as double), 6) as estimated_cost_usd,
    is_as_good_as_best,
    is_cheapest_as_good,
    case
        when answered_cells = 0 then 'no_answer'
        when is_thin then 'too_few_cells'
        when cost_per_1000_cells_usd is null then 'no_price'
        else 'compared'
    end as comparison,
from comparison
