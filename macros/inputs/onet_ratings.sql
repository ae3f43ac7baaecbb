{# One row per O*NET-SOC code, element and scale of an O*NET text file. Some
   releases lack one or both flags: the empty first select adds them as null. #}
{% macro onet_ratings(relation, onet_file) %}
    {{ return(adapter.dispatch("onet_ratings", "jobforge")(relation, onet_file)) }}
{% endmacro %}

{% macro duckdb__onet_ratings(relation, onet_file) -%}
with source as (
    select
        null::varchar as "Recommend Suppress",
        null::varchar as "Not Relevant",
    where false
    union all by name
    {{ numbered_rows(relation) }}
),

renamed as (
    select
        "O*NET-SOC Code" as onet_soc_code,
        "Element ID" as element_id,
        "Element Name" as element_name,
        "Scale ID" as scale_id,
        "Data Value" as data_value,
        "Recommend Suppress" as recommend_suppress,
        "Not Relevant" as not_relevant,
        'O*NET {{ onet_file }}' as dataset,
        {{ release_of_file("onet_dir", "source_file") }} as dataset_release,
        source_file,
        source_row,
    from source
)

select * from renamed
{%- endmacro %}
