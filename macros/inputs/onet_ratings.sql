{# One row per O*NET-SOC code, element and scale of an O*NET text file. Some releases lack
   one or both flags, which are null then. Where a release has the table in several files a
   rating that stands in more than one of them is one, whatever they call its element. #}
{% macro onet_ratings(relation, onet_file) %}
    {{ return(adapter.dispatch("onet_ratings", "jobforge")(relation, onet_file)) }}
{% endmacro %}

{% macro duckdb__onet_ratings(relation, onet_file) -%}
{%- set table = "onet_" ~ onet_file | lower | replace(" ", "_") -%}
with source as (
    {{- publisher_rows_of_table(relation, table) }}
),

{% if execute and publisher_paths(table).is_split -%}
counted_once as (
    select * from source
    qualify
        row_number() over (
            partition by onet_soc_code, element_id, scale_id, data_value
            order by source_file, source_row
        ) = 1
),

{% endif -%}
renamed as (
    select
        onet_soc_code,
        element_id,
        element_name,
        scale_id,
        data_value,
        recommend_suppress,
        not_relevant,
        'O*NET {{ onet_file }}' as dataset,
        {{ release_of_file("onet_dir", "source_file") }} as dataset_release,
        source_file,
        source_row,
    from {{ "counted_once" if execute and publisher_paths(table).is_split else "source" }}
)

select * from renamed
{%- endmacro %}
