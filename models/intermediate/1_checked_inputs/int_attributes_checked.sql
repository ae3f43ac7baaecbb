{{ config(post_hook="{{ stop_without_usable_rows('attributes', this) }}") }}

with attributes as (
    select * from {{ ref("stg_attributes") }}
),

checked as (
    select
        *,
        case
            when record_problem is not null then record_problem
            when attribute_id is null
                then 'attribute_id: is empty; give every attribute an id'
            when not {{ is_attribute_id("attribute_id") }}
                then 'attribute_id: ''' || attribute_id || ''' may hold lower-case '
                    || 'letters, digits and _, start with a letter, 64 at most'
            when
                attribute_id in (
                    'job_id', 'job_title', 'job_family', 'job_function', 'unit_group'
                )
                then 'attribute_id: ''' || attribute_id || ''' is a column of the '
                    || 'jobs in gold_jobs_wide; give the attribute another id'
            when attribute_name is null
                then 'attribute_name: is empty; give the attribute its name'
            when domain is null
                then 'domain: is empty; give a domain, such as skills'
            when
                coalesce(value_type, '')
                not in ('rating', 'number', 'category', 'boolean', 'text')
                then 'value_type: ''' || coalesce(value_type, '') || ''' is none '
                    || 'of rating, number, category, boolean, text'
            when scale_minimum is null and scale_minimum_text is not null
                then 'scale_minimum: ''' || scale_minimum_text || ''' is no number'
            when scale_maximum is null and scale_maximum_text is not null
                then 'scale_maximum: ''' || scale_maximum_text || ''' is no number'
            when
                {{ has_more_than_six_decimals("scale_minimum_text") }}
                or {{ has_more_than_six_decimals("scale_maximum_text") }}
                then 'scale_minimum: a scale has six decimals at most; round its ends'
            when value_type = 'rating'
                and (scale_minimum is null or scale_maximum is null)
                then 'scale_minimum: a rating needs scale_minimum and scale_maximum'
            when scale_minimum >= scale_maximum
                then 'scale_maximum: is not above scale_minimum'
            when value_type = 'category' and allowed_values is null
                then 'allowed_values: a category needs its values, with | between'
            when {{ list_has("allowed_values", "''") }}
                then 'allowed_values: one of the values is empty; a | stands between '
                    || 'two values, not at an end'
            when {{ has_repeats("allowed_values") }}
                then 'allowed_values: one of the values stands there twice'
            when tolerance is null and tolerance_text is not null
                then 'tolerance: ''' || tolerance_text || ''' is no number'
            when tolerance < 0
                then 'tolerance: ''' || tolerance_text || ''' is below 0'
            when tolerance is not null and value_type not in ('rating', 'number')
                then 'tolerance: only a rating or number has one; leave it empty'
        end as fault,
    from attributes
),

{{ unrepeated("checked", ["attribute_id"]) }}

select
    *,
    problem is null as is_usable,
from unrepeated
