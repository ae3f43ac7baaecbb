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

named as (
    select
        ratings.*,
        oasis_attributes.attribute_id,
        {{ release_of_file("oasis_dir", "ratings.source_file") }}
            as dataset_release,
    from ratings
    left join oasis_attributes
        on
            ratings.oasis_file = oasis_attributes.oasis_file
            and lower(ratings.oasis_column) = lower(oasis_attributes.oasis_column)
),

identified as (
    select
        'oasis_profile' as scope_level,
        oasis_profile as scope_code,
        attribute_id,
        rating as value,
        'OaSIS' as dataset,
        dataset_release,
        source_file,
        source_row,
        cast(null as varchar) as record_problem,
    from named
    where attribute_id is not null
),

-- One row for a column, not one for each of its ratings.
unknown_columns as (
    select
        'oasis_profile' as scope_level,
        min_by(oasis_profile, source_row) as scope_code,
        oasis_column as attribute_id,
        min_by(rating, source_row) as value,
        'OaSIS' as dataset,
        min(dataset_release) as dataset_release,
        source_file,
        min(source_row) as source_row,
        'the column `' || oasis_column || '` is none of OaSIS that the project '
        || 'knows, so that its ratings of ' || count(*) || ' profiles are not read; '
        || 'where it is one under another name, the var columns can name it under '
        || 'oasis_' || oasis_file as record_problem,
    from named
    where attribute_id is null
    group by source_file, oasis_file, oasis_column
),

every_column as (
    select * from identified
    union all
    select * from unknown_columns
)

select * from every_column
{%- if var("authoritative_values_file") %}
union all by name
{% endif -%}
{%- endif %}
{%- if var("authoritative_values_file") %}
{{ csv_records("authoritative_values", source("files", "authoritative_values")) }}
{%- endif %}
