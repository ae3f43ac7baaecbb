-- Both tiers as one estimator: what the second model says of a twin of which the first
-- one's measured confidence is below the bound, else what the first one says.
{%- set tiers = llm_tiers() %}
{%- if tiers %}
with estimates as (
    select * from {{ ref("int_backtest_estimates") }}
    where estimator = 'llm'
),

second_answers as (
    select
        twin_number,
        attribute_number,
        model_used,
        prompt_version,
    from {{ ref("int_backtest_answers") }}
    where
        {{ is_asked_as_cells_are(tiers.second) }}
        and outcome = 'answered'
),

chosen as (
    select
        twin_tiers.twin_number,
        twin_tiers.attribute_number,
        twin_tiers.prompt_version,
        coalesce(second_answers.model_used, twin_tiers.model_used) as chosen_model,
        coalesce(second_answers.prompt_version, twin_tiers.prompt_version)
            as chosen_prompt_version,
    from {{ ref("int_twin_tiers") }} as twin_tiers
    left join second_answers
        on
            twin_tiers.is_below
            and twin_tiers.twin_number = second_answers.twin_number
            and twin_tiers.attribute_number = second_answers.attribute_number
)

select
    estimates.masked_gap,
    estimates.domain,
    estimates.value_type,
    'tiers' as estimator,
    '{{ dbt.escape_single_quotes(tiers.first ~ " + " ~ tiers.second) }}'
        as model_used,
    chosen.prompt_version,
    cast(null as double) as stated_confidence,
    cast(null as double) as answer_probability,
    estimates.twin_number,
    estimates.attribute_number,
    estimates.job_number,
    estimates.job_hash,
    estimates.fold,
    estimates.draw,
    estimates.true_value,
    estimates.true_number,
    estimates.estimated_value,
    estimates.estimated_number,
    estimates.error,
    estimates.is_exact,
    estimates.is_right,
    estimates.distance,
from estimates
inner join chosen
    on
        estimates.twin_number = chosen.twin_number
        and estimates.attribute_number = chosen.attribute_number
        and estimates.model_used = chosen.chosen_model
        and estimates.prompt_version = chosen.chosen_prompt_version
{%- else %}
select * from {{ ref("int_backtest_estimates") }}
where false
{%- endif %}
