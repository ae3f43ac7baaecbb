{# The answers of two models for one cell (llm_tiers), and what is said of answers of either. #}

{# Both tiers as {first, second, below}; none without them, or where the var is not what
   jobforge.evaluation.tiers takes, which refuses it before anything is asked. #}
{% macro llm_tiers() %}
    {% set given = var("llm_tiers") or [] %}
    {% set first, second = (given[0], given[1])
        if given is sequence and given is not mapping and given | length == 2 else ({}, {}) %}
    {% if first is mapping and second is mapping and first.model is string
        and second.model is string and second.below is number %}
        {{ return({
            "first": first.model | trim,
            "second": second.model | trim,
            "below": second.below,
        }) }}
    {% endif %}
    {{ return(none) }}
{% endmacro %}

{# Whether a twin was asked of that model as a cell is: expects the columns of
   int_backtest_answers in scope. #}
{% macro is_asked_as_cells_are(model) -%}
    {%- set rationale = var("llm_rationale") | string | trim | lower -%}
    asked_model = '{{ dbt.escape_single_quotes(model) }}'
    and asked_rationale = '{{ rationale or "before" }}'
{%- endmacro %}

{# What became of the cells that a model was asked for, with the columns of a contract. A whole
   query; `imputed` is what a Python model has written. #}
{% macro typed_outcomes(imputed) -%}
with imputed as (
    select * from {{ imputed }}
),

typed as (
    select
        job_id,
        attribute_id,
        pack_id,
        outcome,
        reason,
        reason_code,
        value,
        confidence,
        rationale,
        model_requested,
        model_used,
        prompt_version,
        request_id,
        imputed_at,
        is_stale,
        estimated_calls,
        estimated_input_tokens,
        estimated_output_tokens,
        estimated_cost_usd,
        dbt_invocation_id,
        question_key,
    from imputed
)

select * from typed
{%- endmacro %}

{# The answers among what became of cells, by the cells' numbers. The CTEs jobs, attributes
   and asked_answers. #}
{% macro asked_answers(imputed) -%}
jobs as (
    select
        job_id,
        job_number,
    from {{ ref("int_jobs") }}
),

attributes as (
    select
        attribute_id,
        attribute_number,
        value_type,
    from {{ ref("int_attributes") }}
),

asked_answers as (
    select
        jobs.job_number,
        attributes.attribute_number,
        imputed.value,
        imputed.confidence,
        imputed.rationale,
        imputed.model_used,
        imputed.prompt_version,
        imputed.request_id,
        imputed.imputed_at,
        imputed.dbt_invocation_id,
        imputed.is_stale,
        false as is_superseded,
    from {{ imputed }} as imputed
    inner join jobs
        on imputed.job_id = jobs.job_id
    inner join attributes
        on imputed.attribute_id = attributes.attribute_id
    where imputed.outcome = 'answered'
)
{%- endmacro %}

{# The values that are answers, with all that gold says of them. The last CTE, llm_values;
   expects CTEs answers, attributes and source_precedence. #}
{% macro values_of_answers() -%}
llm_values as (
    select
        cast(source_precedence.precedence_rank as integer) as precedence_rank,
        cast(row_number() over (
            order by answers.job_number, answers.attribute_number
        ) as integer) as value_id,
        answers.job_number,
        answers.attribute_number,
        source_precedence.source_precedence,
        source_precedence.source_type,
        answers.value,
        case
            when attributes.value_type in ('rating', 'number')
                then cast(answers.value as double)
        end as value_number,
        answers.confidence,
        'LLM' as dataset,
        answers.model_used as dataset_release,
        'request ' || coalesce(answers.request_id, 'without an id')
            as source_record,
        answers.rationale,
        answers.model_used,
        answers.prompt_version,
        answers.request_id,
        answers.imputed_at,
        answers.is_stale,
        answers.is_superseded,
        answers.dbt_invocation_id,
    from answers
    inner join attributes
        on answers.attribute_number = attributes.attribute_number
    cross join source_precedence
)
{%- endmacro %}

{# How sure one may be of each of these answers, and how far it may be off: what the twins of
   its cell's gap, domain and value type say of its model. A whole query; `answers` is a
   relation of values of answers, `probabilities` one of how probable they were. #}
{% macro answer_measurements(answers, probabilities) -%}
with answers as (
    select * from {{ answers }}
),

attributes as (
    select
        attribute_number,
        domain,
        value_type,
        scale_minimum,
        scale_maximum,
        {{ text_number("attribute_id") }} as attribute_hash,
    from {{ ref("int_attributes") }}
),

jobs as (
    select
        job_number,
        {{ text_number("job_id") }} as job_hash,
    from {{ ref("int_jobs") }}
),

source_gaps as (
    select
        job_number,
        attribute_number,
        source_gap,
    from {{ ref("int_source_gaps") }}
),

answer_probabilities as (
    select * from {{ probabilities }}
),

chosen_features as (
    select * from {{ ref("int_confidence_features") }}
    where is_chosen
),

placed_answers as (
    select
        answers.value_id,
        answers.value_number,
        answers.model_used,
        answers.prompt_version,
        chosen_features.feature,
        answers.confidence as stated_confidence,
        answer_probabilities.answer_probability,
        source_gaps.source_gap,
        attributes.domain,
        attributes.value_type,
        attributes.scale_minimum,
        attributes.scale_maximum,
        {{ cell_draw("jobs.job_hash", "attributes.attribute_hash") }} as draw,
    from answers
    inner join attributes
        on answers.attribute_number = attributes.attribute_number
    inner join jobs
        on answers.job_number = jobs.job_number
    left join source_gaps
        on
            answers.job_number = source_gaps.job_number
            and answers.attribute_number = source_gaps.attribute_number
    left join answer_probabilities
        on
            answers.job_number = answer_probabilities.job_number
            and answers.attribute_number = answer_probabilities.attribute_number
            and answers.model_used = answer_probabilities.model_used
            and answers.imputed_at = answer_probabilities.imputed_at
    left join chosen_features
        on
            answers.model_used = chosen_features.model_used
            and answers.prompt_version = chosen_features.prompt_version
),

stepped_answers as (
    select
        *,
        {{ confidence_step("stated_confidence") }} as stated_step,
        case feature
            {%- for feature, confidence in confidence_features().items() %}
            when '{{ feature }}' then {{ confidence_step(confidence) }}
            {%- endfor %}
        end as step,
    from placed_answers
),

confidence_map as (
    select * from {{ ref("int_confidence_map") }}
    where held_out_fold is null and source_gap is not null
),

prediction_intervals as (
    select * from {{ ref("int_prediction_intervals") }}
    where held_out_fold is null
),

asked_models as (
    select
        model_used,
        prompt_version,
        sum(cells) as cells,
    from {{ ref("int_stated_confidences") }}
    where feature = 'stated'
    group by model_used, prompt_version
),

measurements as (
    select
        stepped_answers.value_id,
        -- The stated confidence stands in for a probability that nobody told.
        coalesce(
            by_feature.measured_confidence, by_statement.measured_confidence
        ) as measured_confidence,
        case
            when by_feature.measured_confidence is not null then stepped_answers.feature
            when by_statement.measured_confidence is not null then 'stated'
        end as confidence_feature,
        case
            when by_statement.measured_confidence is not null then 'backtest'
            when stepped_answers.value_type = 'text' then 'text'
            when stepped_answers.source_gap is null then 'not_missing'
            when asked_models.cells is null then 'no_backtest'
            when asked_models.cells < 30 then 'too_few_twins'
            else 'no_twin'
        end as confidence_basis,
        stepped_answers.value_number - prediction_intervals.half_width as low,
        stepped_answers.value_number + prediction_intervals.half_width as high,
        stepped_answers.scale_minimum,
        stepped_answers.scale_maximum,
    from stepped_answers
    left join confidence_map as by_feature
        on
            {{ same_confidence_key("stepped_answers", "by_feature") }}
            and stepped_answers.feature = by_feature.feature
            and stepped_answers.step = by_feature.step
    left join confidence_map as by_statement
        on
            {{ same_confidence_key("stepped_answers", "by_statement") }}
            and by_statement.feature = 'stated'
            and stepped_answers.stated_step = by_statement.step
    left join prediction_intervals
        on
            {{ same_confidence_key("stepped_answers", "prediction_intervals") }}
            and stepped_answers.draw >= prediction_intervals.draw_from
            and stepped_answers.draw < prediction_intervals.draw_to
    left join asked_models
        on
            stepped_answers.model_used = asked_models.model_used
            and stepped_answers.prompt_version = asked_models.prompt_version
)

select
    value_id,
    measured_confidence,
    confidence_feature,
    confidence_basis,
    case when low < scale_minimum then scale_minimum else low end as value_low,
    case when high > scale_maximum then scale_maximum else high end as value_high,
from measurements
{%- endmacro %}

{# How probable answers were, by the numbers of their cells; twins have numbers above every
   job's. A whole query; `probabilities` is what a Python model has read. #}
{% macro typed_probabilities(probabilities) -%}
with probabilities as (
    select * from {{ probabilities }}
),

jobs as (
    select
        job_id,
        job_number,
    from {{ ref("int_jobs") }}
    union all
    select
        job_id,
        twin_number as job_number,
    from {{ ref("int_twin_jobs") }}
),

attributes as (
    select
        attribute_id,
        attribute_number,
    from {{ ref("int_attributes") }}
),

typed as (
    select
        jobs.job_number,
        attributes.attribute_number,
        probabilities.model_used,
        probabilities.imputed_at,
        probabilities.answer_probability,
        probabilities.expected_value,
    from probabilities
    inner join jobs
        on probabilities.job_id = jobs.job_id
    inner join attributes
        on probabilities.attribute_id = attributes.attribute_id
)

select * from typed
{%- endmacro %}
