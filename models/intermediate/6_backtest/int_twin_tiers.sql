-- By the map that the twin's own job had no part in.
{%- set tiers = llm_tiers() %}
{%- if tiers %}
with answers as (
    select
        twin_number,
        attribute_number,
        model_used,
        prompt_version,
    from {{ ref("int_backtest_answers") }}
    where
        {{ is_asked_as_cells_are(tiers.first) }}
        and outcome = 'answered'
),

cells as (
    select
        twin_number,
        attribute_number,
        masked_gap as source_gap,
        domain,
        value_type,
    from {{ ref("int_backtest_cells") }}
),

held_out as (
    {{ held_out_confidences() }}
),

judged as (
    select
        held_out.*,
        features.is_chosen,
    from held_out
    inner join {{ ref("int_confidence_features") }} as features
        on
            held_out.model_used = features.model_used
            and held_out.prompt_version = features.prompt_version
            and held_out.feature = features.feature
),

-- The stated confidence stands in for a probability that nobody told, as for cells.
measured as (
    select
        twin_number,
        attribute_number,
        model_used,
        prompt_version,
        coalesce(
            max(case when is_chosen then measured_confidence end),
            max(case when feature = 'stated' then measured_confidence end)
        ) as measured_confidence,
    from judged
    group by twin_number, attribute_number, model_used, prompt_version
)

select
    answers.twin_number,
    answers.attribute_number,
    cells.source_gap,
    cells.domain,
    cells.value_type,
    answers.model_used,
    answers.prompt_version,
    measured.measured_confidence,
    coalesce(measured.measured_confidence < {{ tiers.below }}, false) as is_below,
from answers
inner join cells
    on
        answers.twin_number = cells.twin_number
        and answers.attribute_number = cells.attribute_number
left join measured
    on
        answers.twin_number = measured.twin_number
        and answers.attribute_number = measured.attribute_number
        and answers.model_used = measured.model_used
        and answers.prompt_version = measured.prompt_version
{%- else %}
select
    cast(null as integer) as twin_number,
    cast(null as integer) as attribute_number,
    cast(null as {{ dbt.type_string() }}) as source_gap,
    cast(null as {{ dbt.type_string() }}) as domain,
    cast(null as {{ dbt.type_string() }}) as value_type,
    cast(null as {{ dbt.type_string() }}) as model_used,
    cast(null as {{ dbt.type_string() }}) as prompt_version,
    cast(null as double) as measured_confidence,
    cast(null as boolean) as is_below,
where false
{%- endif %}
