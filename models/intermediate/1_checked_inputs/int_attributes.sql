-- An attribute goes by its number from here to gold: its place in the catalogue. It comes
-- after the jobs: both drop what stands on former numbers, and one table cannot be
-- dropped twice at a time.
-- depends_on: {{ ref("int_jobs") }}
{{ config(
    post_hook="{{ stop_at_former_numbers(this, 'attribute_id', 'attribute_number') }}"
) }}

with checked as (
    select * from {{ ref("int_attributes_checked") }}
    where is_usable
),

attributes as (
    select
        cast(row_number() over (
            order by domain, source_file, source_row
        ) as integer) as attribute_number,
        attribute_id,
        attribute_name,
        domain,
        description,
        value_type,
        scale_minimum,
        scale_maximum,
        allowed_values,
        unit,
        tolerance,
    from checked
)

select * from attributes
