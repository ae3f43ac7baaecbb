with checked as (
    select * from {{ ref("int_attributes_checked") }}
    where is_usable
),

attributes as (
    select
        attribute_id,
        attribute_name,
        domain,
        description,
        value_type,
        scale_minimum,
        scale_maximum,
        allowed_values,
        unit,
        row_number() over (
            order by domain, source_file, source_row
        ) as catalogue_position,
    from checked
)

select * from attributes
