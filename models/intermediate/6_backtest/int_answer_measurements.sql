-- How sure one may be of each answer, and how far it may be off: what the twins of its
-- cell's gap, domain and value type say of its model.
with answers as (
    select * from {{ ref("int_llm_values") }}
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

placed_answers as (
    select
        answers.value_id,
        answers.value_number,
        answers.model_used,
        answers.prompt_version,
        {{ confidence_step("answers.confidence") }} as step,
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
    group by model_used, prompt_version
),

measurements as (
    select
        placed_answers.value_id,
        confidence_map.measured_confidence,
        case
            when confidence_map.measured_confidence is not null then 'backtest'
            when placed_answers.value_type = 'text' then 'text'
            when placed_answers.source_gap is null then 'not_missing'
            when asked_models.cells is null then 'no_backtest'
            when asked_models.cells < 30 then 'too_few_twins'
            else 'no_twin'
        end as confidence_basis,
        placed_answers.value_number - prediction_intervals.half_width as low,
        placed_answers.value_number + prediction_intervals.half_width as high,
        placed_answers.scale_minimum,
        placed_answers.scale_maximum,
    from placed_answers
    left join confidence_map
        on
            {{ same_confidence_key("placed_answers", "confidence_map") }}
            and placed_answers.step = confidence_map.step
    left join prediction_intervals
        on
            {{ same_confidence_key("placed_answers", "prediction_intervals") }}
            and placed_answers.draw >= prediction_intervals.draw_from
            and placed_answers.draw < prediction_intervals.draw_to
    left join asked_models
        on
            placed_answers.model_used = asked_models.model_used
            and placed_answers.prompt_version = asked_models.prompt_version
)

select
    value_id,
    measured_confidence,
    confidence_basis,
    case when low < scale_minimum then scale_minimum else low end as value_low,
    case when high > scale_maximum then scale_maximum else high end as value_high,
from measurements
