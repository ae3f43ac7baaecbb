-- 95 % intervals by a bootstrap over jobs. Estimators share their resamples, so that
-- their difference has an interval too.
{%- set key = backtest_key() | join(", ") %}
with estimates as (
    select
        *,
        abs(error) as loss,
        case when is_exact then 1.0 else 0.0 end as exact,
    from {{ ref("int_accuracy_estimates") }}
),

strata as (
    select
        {{ key }},
        count(*) as cells,
        avg(coalesce(loss, 1 - exact)) as mean_loss,
    from estimates
    group by {{ key }}
),

-- The best of the baselines that say something of as many cells as any does.
best_baselines as (
    select * from strata
    where
        {{ is_baseline("estimator") }}
        and not exists (
            select 1 from strata as other
            where
                {{ is_baseline("other.estimator") }}
                and other.masked_gap = strata.masked_gap
                and other.domain = strata.domain
                and other.value_type = strata.value_type
                and other.cells > strata.cells
        )
    qualify row_number() over (
            partition by masked_gap, domain, value_type
            order by mean_loss asc, estimator asc
        ) = 1
),

paired as (
    select
        estimates.*,
        baseline.estimator as baseline,
        coalesce(
            abs(of_baseline.error), case when of_baseline.is_exact then 0 else 1 end
        ) as baseline_loss,
    from estimates
    left join best_baselines as baseline
        on
            estimates.masked_gap = baseline.masked_gap
            and estimates.domain = baseline.domain
            and estimates.value_type = baseline.value_type
    left join estimates as of_baseline
        on
            baseline.estimator = of_baseline.estimator
            and estimates.twin_number = of_baseline.twin_number
            and estimates.attribute_number = of_baseline.attribute_number
),

by_job as (
    select
        {{ key }},
        baseline,
        job_hash,
        count(*) as cells,
        sum(loss) as loss,
        sum(error) as error,
        sum(exact) as exact,
        sum(
            case when baseline_loss is not null then coalesce(loss, 1 - exact) end
        ) as compared_loss,
        sum(baseline_loss) as baseline_loss,
    from paired
    group by {{ key }}, baseline, job_hash
),

weighed as (
    select
        by_job.*,
        job_resamples.resample,
        job_resamples.weight,
    from by_job
    inner join {{ ref("int_job_resamples") }} as job_resamples
        on by_job.job_hash = job_resamples.job_hash
),

resampled as (
    select
        {{ key }},
        baseline,
        resample,
        sum(weight * loss) / nullif(sum(weight * cells), 0) as mae,
        sum(weight * error) / nullif(sum(weight * cells), 0) as bias,
        sum(weight * exact) / nullif(sum(weight * cells), 0) as exact,
        1 - sum(weight * compared_loss) / nullif(sum(weight * baseline_loss), 0)
            as skill,
    from weighed
    group by {{ key }}, baseline, resample
),

intervals as (
    select
        {{ key }},
        baseline,
    {%- for figure in ["mae", "bias", "exact", "skill"] %}
    {{ quantile(figure, 0.025) }} as {{ figure }}_low,
    {{ quantile(figure, 0.975) }} as {{ figure }}_high,
    {%- endfor %}
    from resampled
    group by {{ key }}, baseline
),

skills as (
    select
        {{ key }},
        1 - sum(compared_loss) / nullif(sum(baseline_loss), 0) as skill,
    from by_job
    group by {{ key }}
)

select
    intervals.*,
    skills.skill,
from intervals
inner join skills
    on {{ same_backtest_key("intervals", "skills") }}
