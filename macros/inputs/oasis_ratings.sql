{# One row per profile and rating column of a wide OaSIS file. #}
{% macro oasis_ratings(relation, oasis_file) %}
    {{ return(adapter.dispatch("oasis_ratings", "jobforge")(relation, oasis_file)) }}
{% endmacro %}

{% macro duckdb__oasis_ratings(relation, oasis_file) -%}
with source as (
    {{- publisher_rows_of_table(relation, "oasis_" ~ oasis_file) }}
),

unpivoted as (
    unpivot source
    on columns(* exclude (
        oasis_profile, profile_label, source_file, source_row
    ))
    into name oasis_column value rating
),

renamed as (
    select
        {{ oasis_profile_code("oasis_profile") }} as oasis_profile,
        '{{ oasis_file }}' as oasis_file,
        {{ plain_text("oasis_column") }} as oasis_column,
        {{ plain_text("rating") }} as rating,
        source_file,
        source_row,
    from unpivoted
)

select * from renamed
{%- endmacro %}
