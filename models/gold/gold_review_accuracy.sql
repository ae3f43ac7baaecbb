-- Cells that were first in the queue were chosen for being in doubt, so that each way to
-- be drawn has rows of its own; together they count by how many cells each stands for.
with errors as (
    select * from {{ ref("int_review_errors") }}
),

-- A whole needs its random part: without one nothing stands for what nobody saw.
with_random_part as (
    select distinct
        model_used,
        prompt_version,
    from errors
    where drawn = 'random'
),

ways as (
    select
        errors.*,
        errors.drawn as way,
        cast(1.0 as double) as counts_for,
    from errors
    union all
    select
        errors.*,
        'all' as way,
        errors.weight as counts_for,
    from errors
    inner join with_random_part
        on
            errors.model_used is not distinct from with_random_part.model_used
            and errors.prompt_version
            is not distinct from with_random_part.prompt_version
    where errors.drawn in ('risk', 'random')
),

resamples as (
    select 0 as resample
    union all
    select {{ unnest_range(1000) }} as resample
),

resampled as (
    select
        ways.*,
        resamples.resample,
        ways.counts_for * case
            when resamples.resample = 0 then 1
            else {{ poisson_draw("ways.job_hash", "resamples.resample") }}
        end as counted,
    from ways
    cross join resamples
),

figures as (
    select
        way,
        domain,
        value_type,
        model_used,
        prompt_version,
        resample,
        count(*) as cells,
        count(distinct job_number) as jobs,
        sum(abs(error) * counted) / nullif(sum(counted), 0) as mae,
        sum(error * counted) / nullif(sum(counted), 0) as bias,
        sum(case when is_right then counted else 0 end)
        / nullif(sum(counted), 0) as right_share,
    from resampled
    group by way, domain, value_type, model_used, prompt_version, resample
),

summarised as (
    select
        way,
        domain,
        value_type,
        model_used,
        prompt_version,
        max(case when resample = 0 then cells end) as cells,
        max(case when resample = 0 then jobs end) as jobs,
        max(case when resample = 0 then mae end) as mae,
        max(case when resample = 0 then bias end) as bias,
        max(case when resample = 0 then right_share end) as right_share,
        {{ quantile("case when resample > 0 then mae end", 0.025) }} as mae_low,
        {{ quantile("case when resample > 0 then mae end", 0.975) }} as mae_high,
        {{ quantile("case when resample > 0 then bias end", 0.025) }} as bias_low,
        {{ quantile("case when resample > 0 then bias end", 0.975) }} as bias_high,
        {{ quantile("case when resample > 0 then right_share end", 0.025) }}
            as right_share_low,
        {{ quantile("case when resample > 0 then right_share end", 0.975) }}
            as right_share_high,
    from figures
    group by way, domain, value_type, model_used, prompt_version
)

select
    way as drawn,
    domain,
    value_type,
    model_used,
    prompt_version,
    cast(cells as integer) as cells,
    cast(jobs as integer) as jobs,
    cells < 30 as is_thin,
    round(cast(mae as double), 6) as mae,
    round(cast(mae_low as double), 6) as mae_low,
    round(cast(mae_high as double), 6) as mae_high,
    round(cast(bias as double), 6) as bias,
    round(cast(bias_low as double), 6) as bias_low,
    round(cast(bias_high as double), 6) as bias_high,
    round(cast(right_share as double), 6) as right_share,
    round(cast(right_share_low as double), 6) as right_share_low,
    round(cast(right_share_high as double), 6) as right_share_high,
from summarised
