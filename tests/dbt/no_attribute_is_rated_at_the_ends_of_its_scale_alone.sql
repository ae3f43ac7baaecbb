-- Warns of a rating of which a model gives little but the lowest and the highest value.
-- Not where the sources do so too, of the jobs they know, and not of a scale of one step.
{{ config(severity="warn") }}

with ratings as (
    select
        attribute_number,
        attribute_id,
        scale_minimum,
        scale_maximum,
    from {{ ref("int_attributes") }}
    where value_type = 'rating' and scale_maximum - scale_minimum > 1
),

placed as (
    select
        ratings.attribute_number,
        llm_values.model_used,
        llm_values.value_number = ratings.scale_minimum
        or llm_values.value_number = ratings.scale_maximum as is_at_end,
    from {{ ref("int_llm_values") }} as llm_values
    inner join ratings
        on llm_values.attribute_number = ratings.attribute_number
),

answered as (
    select
        attribute_number,
        model_used,
        count(*) as answers,
        count(case when is_at_end then 1 end) as answers_at_ends,
    from placed
    group by attribute_number, model_used
),

suspect as (
    select * from answered
    where
        answers >= {{ var("lint_min_answers") }}
        and answers_at_ends >= {{ var("lint_scale_ends_share") }} * answers
),

-- What rounds to an end counts as one: sources have means.
known_cells as (
    select
        ratings.attribute_number,
        source_values.value_number < ratings.scale_minimum + 0.5
        or source_values.value_number > ratings.scale_maximum - 0.5 as is_at_end,
    from ratings
    inner join {{ ref("int_known_values") }} as known_values
        on ratings.attribute_number = known_values.attribute_number
    inner join {{ ref("int_source_values") }} as source_values
        on
            known_values.precedence_rank = source_values.precedence_rank
            and known_values.value_id = source_values.value_id
    where ratings.attribute_number in (select attribute_number from suspect)
),

known as (
    select
        attribute_number,
        avg(case when is_at_end then 1.0 else 0.0 end) as known_share,
    from known_cells
    group by attribute_number
)

select
    ratings.attribute_id,
    suspect.model_used,
    suspect.answers,
    suspect.answers_at_ends,
    known.known_share,
from suspect
inner join ratings
    on suspect.attribute_number = ratings.attribute_number
left join known
    on suspect.attribute_number = known.attribute_number
where coalesce(known.known_share, 0) < {{ var("lint_scale_ends_share") }}
