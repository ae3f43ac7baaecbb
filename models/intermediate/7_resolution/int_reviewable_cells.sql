-- How far off a value is likely to be, as a share of its scale: the chance that it is
-- wrong, times how much of the scale its 90 % interval takes. Where no interval was
-- measured a wrong value counts as wholly wrong.
{{ config(materialized="view") }}

with jobs as (
    select
        job_number,
        weight,
        {{ text_number("job_id") }} as job_hash,
    from {{ ref("int_jobs") }}
),

attributes as (
    select
        attribute_number,
        nullif(scale_maximum - scale_minimum, 0) as scale_length,
        {{ text_number("attribute_id") }} as attribute_hash,
    from {{ ref("int_attributes") }}
),

-- What somebody answers for, and what somebody has looked at, is no more in question.
questionable_values as (
    select * from {{ ref("int_candidate_values") }}
    where source_type not in ('REVIEW', 'AUTHORITATIVE')
),

looked_at as (
    select
        job_number,
        attribute_number,
        source_type,
        value,
    from {{ ref("int_reviewed_cells") }}
    union all
    select
        job_number,
        attribute_number,
        shown_source as source_type,
        shown_value as value,
    from {{ ref("int_review_decisions") }}
    where decision = 'cannot_say' and not is_withdrawn
),

questionable as (
    select
        resolved_cells.job_number,
        resolved_cells.attribute_number,
        resolved_cells.precedence_rank,
        resolved_cells.value_id,
        jobs.weight,
        {{ cell_draw("jobs.job_hash", "attributes.attribute_hash") }} as draw,
        case
            when values_of_cells.measured_confidence is not null then 'measured'
            when values_of_cells.stated_confidence is not null then 'stated'
            when values_of_cells.confidence is not null then 'published'
        end as error_basis,
        1 - coalesce(
            values_of_cells.measured_confidence,
            values_of_cells.stated_confidence,
            values_of_cells.confidence
        ) as chance_of_error,
        (values_of_cells.value_high - values_of_cells.value_low)
        / attributes.scale_length as interval_share,
    from {{ ref("int_resolved_cells") }} as resolved_cells
    inner join questionable_values as values_of_cells
        on
            resolved_cells.precedence_rank = values_of_cells.precedence_rank
            and resolved_cells.value_id = values_of_cells.value_id
    inner join jobs
        on resolved_cells.job_number = jobs.job_number
    inner join attributes
        on resolved_cells.attribute_number = attributes.attribute_number
    where
        not exists (
            select 1 from looked_at
            where
                looked_at.job_number = resolved_cells.job_number
                and looked_at.attribute_number = resolved_cells.attribute_number
                and looked_at.source_type = values_of_cells.source_type
                and looked_at.value = values_of_cells.value
        )
)

select
    job_number,
    attribute_number,
    precedence_rank,
    value_id,
    weight,
    draw,
    error_basis,
    chance_of_error * least(coalesce(interval_share, 1.0), 1.0) as expected_error,
    chance_of_error * least(coalesce(interval_share, 1.0), 1.0) * weight
        as priority,
from questionable
