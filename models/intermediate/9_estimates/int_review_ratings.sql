-- What each reviewer last said of a cell, and what the model had said of it: each is a
-- rater. Ratings are shares of their scale, so that those of different scales are alike.
with decisions as (
    select
        *,
        row_number() over (
            partition by job_number, attribute_number, reviewer
            order by decided_at desc, review_number desc
        ) as recency,
    from {{ ref("int_review_decisions") }}
    where not is_withdrawn and problem is null and decision <> 'cannot_say'
),

attributes as (
    select
        attribute_number,
        value_type,
        scale_minimum,
        nullif(scale_maximum - scale_minimum, 0) as scale_length,
    from {{ ref("int_attributes") }}
),

said as (
    select
        job_number,
        attribute_number,
        'reviewer' as rater_kind,
        reviewer as rater,
        value,
    from decisions
    where recency = 1
    union all
    select distinct
        job_number,
        attribute_number,
        'model' as rater_kind,
        'LLM' as rater,
        shown_value as value,
    from decisions
    where recency = 1 and shown_source = 'LLM'
),

ratings as (
    select
        said.*,
        attributes.value_type,
        ({{ to_number("said.value") }} - attributes.scale_minimum)
        / attributes.scale_length as share_of_scale,
    from said
    inner join attributes
        on said.attribute_number = attributes.attribute_number
    where attributes.value_type in ('rating', 'category', 'boolean')
)

select * from ratings
