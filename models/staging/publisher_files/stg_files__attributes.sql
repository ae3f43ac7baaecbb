{{ config(
    enabled=input_is_from("attributes", "files"),
    post_hook="{{ check_the_guide() }}" if is_from_oasis_files("attributes") else [],
) }}

{% if is_from_oasis_files("attributes") -%}
with oasis_attributes as (
    select
        *,
        row_number() over () + 1 as source_row,
    from {{ ref("oasis_attributes") }}
),

guide as (
    select * from {{ ref("stg_oasis__guide") }}
),

described as (
    select
        oasis_attributes.attribute_id,
        oasis_attributes.attribute_name,
        oasis_attributes.domain,
        guide.description,
        'rating' as value_type,
        cast(oasis_attributes.scale_minimum as varchar) as scale_minimum,
        cast(oasis_attributes.scale_maximum as varchar) as scale_maximum,
        cast(null as varchar) as allowed_values,
        cast(null as varchar) as unit,
        cast(null as varchar) as tolerance,
        'seeds/reference/oasis_attributes.csv' as source_file,
        oasis_attributes.source_row,
        cast(null as varchar) as record_problem,
    from oasis_attributes
    left join guide
        on {{ same_guide_code("oasis_attributes.guide_code", "guide.guide_code") }}
)

select * from described
{%- if var("attributes_file") %}
union all by name
{% endif -%}
{%- endif %}
{%- if var("attributes_file") %}
{{ csv_records("attributes", source("files", "attributes")) }}
{%- endif %}
