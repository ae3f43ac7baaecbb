-- Rounded, so that a run's figures are the last one's in whatever order it adds up.
-- Errors are on the attribute's own scale, estimate minus truth. A rating or number is
-- exact where both round to the same whole number. Cohen's kappa and macro F1 are of
-- categories and truths, with the classes that are true or estimated at least once.
{%- set key = backtest_key() | join(", ") %}
with estimates as (
    select * from {{ ref("int_accuracy_estimates") }}
),

ranked as (
    select
        *,
        {{ mean_rank("true_number", key) }} as true_rank,
        {{ mean_rank("estimated_number", key) }} as estimated_rank,
    from estimates
),

figures as (
    select
        {{ key }},
        count(*) as cells,
        count(distinct job_number) as jobs,
        avg(abs(error)) as mae,
        sqrt(avg(error * error)) as rmse,
        avg(error) as bias,
        avg(case when is_exact then 1.0 else 0.0 end) as exact,
        avg(case when abs(error) <= 1 then 1.0 when error is not null then 0.0 end)
            as within_one,
        case
            when
                min(true_number) < max(true_number)
                and min(estimated_number) < max(estimated_number)
                then corr(true_rank, estimated_rank)
        end as spearman,
    from ranked
    group by {{ key }}
),

classes as (
    select
        {{ key }},
        true_value as class,
        count(*) as times_true,
        0 as times_estimated,
        0 as times_right,
    from estimates
    where true_number is null
    group by {{ key }}, true_value
    union all
    select
        {{ key }},
        estimated_value as class,
        0 as times_true,
        count(*) as times_estimated,
        count(case when is_exact then 1 end) as times_right,
    from estimates
    where true_number is null
    group by {{ key }}, estimated_value
),

class_counts as (
    select
        {{ key }},
        class,
        sum(times_true) as times_true,
        sum(times_estimated) as times_estimated,
        sum(times_right) as times_right,
    from classes
    group by {{ key }}, class
),

agreements as (
    select
        {{ key }},
        avg(2.0 * times_right / (times_true + times_estimated)) as macro_f1,
        sum(times_right) * 1.0 / sum(times_true) as observed,
        sum(times_true * 1.0 * times_estimated)
        / (sum(times_true) * 1.0 * sum(times_true)) as by_chance,
    from class_counts
    group by {{ key }}
),

intervals as (
    select * from {{ ref("int_backtest_intervals") }}
),

accuracy as (
    select
        figures.*,
        agreements.macro_f1,
        (agreements.observed - agreements.by_chance)
        / nullif(1 - agreements.by_chance, 0) as cohens_kappa,
        intervals.mae_low,
        intervals.mae_high,
        intervals.bias_low,
        intervals.bias_high,
        intervals.exact_low,
        intervals.exact_high,
        intervals.baseline,
        intervals.skill,
        intervals.skill_low,
        intervals.skill_high,
    from figures
    inner join intervals
        on {{ same_backtest_key("figures", "intervals") }}
    left join agreements
        on {{ same_backtest_key("figures", "agreements") }}
),

-- What is missing and was not measured says so, and borrows no other's figures.
missing as (
    select distinct
        source_gaps.source_gap,
        attributes.domain,
        attributes.value_type,
    from {{ ref("int_source_gaps") }} as source_gaps
    inner join {{ ref("int_attributes") }} as attributes
        on source_gaps.attribute_id = attributes.attribute_id
)

select
    coalesce(accuracy.masked_gap, missing.source_gap) as source_gap,
    coalesce(accuracy.domain, missing.domain) as domain,
    coalesce(accuracy.value_type, missing.value_type) as value_type,
    accuracy.estimator,
    accuracy.model_used,
    accuracy.prompt_version,
    cast(coalesce(accuracy.cells, 0) as integer) as cells,
    cast(coalesce(accuracy.jobs, 0) as integer) as jobs,
    coalesce(accuracy.cells, 0) < 30 as is_thin,
    round(accuracy.mae, 6) as mae,
    round(accuracy.mae_low, 6) as mae_low,
    round(accuracy.mae_high, 6) as mae_high,
    round(accuracy.rmse, 6) as rmse,
    round(accuracy.bias, 6) as bias,
    round(accuracy.bias_low, 6) as bias_low,
    round(accuracy.bias_high, 6) as bias_high,
    round(cast(accuracy.exact as double), 6) as exact,
    round(accuracy.exact_low, 6) as exact_low,
    round(accuracy.exact_high, 6) as exact_high,
    round(cast(accuracy.within_one as double), 6) as within_one,
    round(accuracy.spearman, 6) as spearman,
    round(cast(accuracy.macro_f1 as double), 6) as macro_f1,
    round(cast(accuracy.cohens_kappa as double), 6) as cohens_kappa,
    accuracy.baseline as best_baseline,
    round(cast(accuracy.skill as double), 6) as skill,
    round(cast(accuracy.skill_low as double), 6) as skill_low,
    round(cast(accuracy.skill_high as double), 6) as skill_high,
    case
        when accuracy.estimator is not null then 'measured'
        else '{{ "no_twin" if var("backtest_cells") | int > 0 else "no_backtest" }}'
    end as measurement,
from accuracy
full outer join missing
    on
        accuracy.masked_gap = missing.source_gap
        and accuracy.domain = missing.domain
        and accuracy.value_type = missing.value_type
