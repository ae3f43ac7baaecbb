-- Where both models of llm_tiers answered a cell, the second one's answer may win it.
with first_values as (
    select * from {{ ref("int_first_tier_values") }}
){% if llm_tiers() %},

second_values as (
    select second_values.*
    from {{ ref("int_second_tier_values") }} as second_values
    inner join first_values
        on
            second_values.job_number = first_values.job_number
            and second_values.attribute_number = first_values.attribute_number
),

last_value as (
    select coalesce(max(value_id), 0) as value_id from first_values
),

llm_values as (
    select
        first_values.*,
        cast(1 as integer) as tier,
        cast(
            case when second_values.value_id is null then 1 else 2 end as integer
        ) as scope_rank,
    from first_values
    left join second_values
        on
            first_values.job_number = second_values.job_number
            and first_values.attribute_number = second_values.attribute_number
    union all
    select
        second_values.* replace (
            cast(second_values.value_id + last_value.value_id as integer) as value_id
        ),
        cast(2 as integer) as tier,
        cast(1 as integer) as scope_rank,
    from second_values
    cross join last_value
)

select * from llm_values
{%- else %}

select
    *,
    cast(1 as integer) as tier,
    cast(1 as integer) as scope_rank,
from first_values
{%- endif %}
