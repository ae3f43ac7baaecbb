{{ config(enabled=input_is_from("authoritative_values", "files")) }}

{% if is_from_oasis_files("authoritative_values") -%}
with ratings as (
    {%- for file in [
        "skills", "abilities", "knowledges", "personal_attributes",
        "work_activities", "work_context",
    ] %}
    select * from {{ ref("stg_oasis__" ~ file) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

oasis_attributes as (
    select * from {{ ref("oasis_attributes") }}
),

identified as (
    select
        'oasis_profile' as scope_level,
        ratings.oasis_profile as scope_code,
        coalesce(
            oasis_attributes.attribute_id, ratings.oasis_column
        ) as attribute_id,
        ratings.rating as value,
        'OaSIS' as dataset,
        {{ release_of_file("oasis_dir", "ratings.source_file") }}
            as dataset_release,
        ratings.source_file,
        ratings.source_row,
        cast(null as varchar) as record_problem,
    from ratings
    left join oasis_attributes
        on
            ratings.oasis_file = oasis_attributes.oasis_file
            and ratings.oasis_column = oasis_attributes.oasis_column
)

select * from identified
{%- if var("authoritative_values_file") %}
union all by name
{% endif -%}
{%- endif %}
{%- if var("authoritative_values_file") %}
{{ csv_records("authoritative_values", source("files", "authoritative_values")) }}
{%- endif %}
