-- Guards that every value fits its attribute, whoever gave it, and stands in the
-- one typed column of its type.
with gold as (
    select
        gold.*,
        attributes.scale_minimum,
        attributes.scale_maximum,
        attributes.allowed_values,
    from {{ ref("gold_job_attributes") }} as gold
    inner join {{ ref("int_attributes") }} as attributes
        on gold.attribute_id = attributes.attribute_id
    where gold.value is not null
)

select
    job_id,
    attribute_id,
    value_type,
    value,
from gold
where
    {{ value_problem("value", "value_number") }} is not null
    or (value_type in ('rating', 'number')) is distinct from (value_number is not null)
    or (value_type = 'category') is distinct from (value_category is not null)
    or (value_type = 'boolean') is distinct from (value_boolean is not null)
    or (value_type = 'text') is distinct from (value_text is not null)
