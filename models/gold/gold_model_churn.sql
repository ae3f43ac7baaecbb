-- What another way to ask would change: of the twins that both ways have answered, how
-- many get another value, and whether that is for the better. Texts are left out: two
-- wordings always differ.
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
    where backtest_cells.value_type <> 'text'
),

answers as (
    select
        answers.asked_model,
        answers.asked_rationale,
        answers.twin_number,
        answers.attribute_number,
        cells.job_hash,
        answers.value,
        {{ to_number("answers.value") }} / cells.scale_length as share_of_scale,
        {{ is_right(
            "answers.value", to_number("answers.value"),
            "cells.true_value", "cells.true_number", "cells.tolerance",
        ) }} as is_right,
    from {{ ref("int_backtest_answers") }} as answers
    inner join cells
        on
            answers.twin_number = cells.twin_number
            and answers.attribute_number = cells.attribute_number
    where answers.outcome = 'answered'
),

pairs as (
    select
        answers.asked_model,
        answers.asked_rationale,
        others.asked_model as other_model,
        others.asked_rationale as other_rationale,
        answers.job_hash,
        case when answers.value <> others.value then 1.0 else 0.0 end as is_changed,
        abs(answers.share_of_scale - others.share_of_scale) as move,
        case when others.is_right and not answers.is_right then 1.0 else 0.0 end
            as gets_right,
        case when answers.is_right and not others.is_right then 1.0 else 0.0 end
            as gets_wrong,
    from answers
    inner join answers as others
        on
            answers.twin_number = others.twin_number
            and answers.attribute_number = others.attribute_number
            and (
                answers.asked_model <> others.asked_model
                or answers.asked_rationale <> others.asked_rationale
            )
),

by_job as (
    select
        asked_model,
        asked_rationale,
        other_model,
        other_rationale,
        job_hash,
        count(*) as cells,
        sum(is_changed) as changed,
    from pairs
    group by asked_model, asked_rationale, other_model, other_rationale, job_hash
),

resampled as (
    select
        by_job.asked_model,
        by_job.asked_rationale,
        by_job.other_model,
        by_job.other_rationale,
        job_resamples.resample,
        sum(job_resamples.weight * by_job.changed)
        / sum(job_resamples.weight * by_job.cells) as changed_share,
    from by_job
    inner join {{ ref("int_job_resamples") }} as job_resamples
        on by_job.job_hash = job_resamples.job_hash
    group by
        by_job.asked_model,
        by_job.asked_rationale,
        by_job.other_model,
        by_job.other_rationale,
        job_resamples.resample
),

intervals as (
    select
        asked_model,
        asked_rationale,
        other_model,
        other_rationale,
        {{ quantile("changed_share", 0.025) }} as changed_share_low,
        {{ quantile("changed_share", 0.975) }} as changed_share_high,
    from resampled
    group by asked_model, asked_rationale, other_model, other_rationale
),

figures as (
    select
        asked_model,
        asked_rationale,
        other_model,
        other_rationale,
        count(*) as cells,
        count(distinct job_hash) as jobs,
        avg(is_changed) as changed_share,
        avg(move) as mean_move,
        avg(gets_right) as gets_right_share,
        avg(gets_wrong) as gets_wrong_share,
    from pairs
    group by asked_model, asked_rationale, other_model, other_rationale
),

filled as (
    select count(*) as model_cells
    from {{ ref("int_llm_values") }}
    where scope_rank = 1 and not coalesce(is_superseded, false)
),

prices as (
    select
        asked_model,
        asked_rationale,
        cost_per_1000_cells_usd,
    from {{ ref("gold_model_comparison") }}
)

select
    figures.asked_model,
    figures.asked_rationale,
    figures.other_model,
    figures.other_rationale,
    cast(figures.cells as integer) as cells,
    cast(figures.jobs as integer) as jobs,
    figures.cells < 30 as is_thin,
    round(figures.changed_share, 6) as changed_share,
    round(intervals.changed_share_low, 6) as changed_share_low,
    round(intervals.changed_share_high, 6) as changed_share_high,
    round(figures.mean_move, 6) as mean_move,
    round(figures.gets_right_share, 6) as gets_right_share,
    round(figures.gets_wrong_share, 6) as gets_wrong_share,
    filled.model_cells,
    round(filled.model_cells * prices.cost_per_1000_cells_usd / 1000, 6)
        as expected_cost_usd,
from figures
inner join intervals
    on
        figures.asked_model = intervals.asked_model
        and figures.asked_rationale = intervals.asked_rationale
        and figures.other_model = intervals.other_model
        and figures.other_rationale = intervals.other_rationale
cross join filled
left join prices
    on
        figures.other_model = prices.asked_model
        and figures.other_rationale = prices.asked_rationale
