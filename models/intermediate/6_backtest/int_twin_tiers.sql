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

judged as (
    select
        confidences.twin_number,
        confidences.attribute_number,
        confidences.model_used,
        confidences.prompt_version,
        confidences.feature,
        features.is_chosen,
        confidence_map.measured_confidence,
    from {{ ref("int_twin_confidences") }} as confidences
    inner join {{ ref("int_confidence_map") }} as confidence_map
        on
            {{ same_confidence_key("confidences", "confidence_map") }}
            and confidences.feature = confidence_map.feature
            and confidences.fold = confidence_map.held_out_fold
            and confidences.step = confidence_map.step
    inner join {{ ref("int_confidence_features") }} as features
        on
            confidences.model_used = features.model_used
            and confidences.prompt_version = features.prompt_version
            and confidences.feature = features.feature
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
