{# The rows of publishers' files, each with its row in its own file: the header is row 1. #}
{% macro numbered_rows(relation) %}
    {{ return(adapter.dispatch("numbered_rows", "jobforge")(relation)) }}
{% endmacro %}

{% macro duckdb__numbered_rows(relation) -%}
    select
        * exclude (row_of_all),
        row_of_all - min(row_of_all) over (partition by source_file) + 2
            as source_row,
    from (
        select
            *,
            row_number() over () as row_of_all,
        from {{ relation }}
    )
{%- endmacro %}
