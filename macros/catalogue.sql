{# The attributes of the catalogue, each with how gold's typed value of it is made;
   none before the catalogue is built. #}
{% macro catalogue() %}
    {% set attributes = [] %}
    {% set catalogue_relation = ref("int_attributes") %}
    {% set relation = load_relation(catalogue_relation) if execute %}
    {% if relation %}
        {% set rows = run_query(
            "select attribute_id, attribute_number, value_type from " ~ relation
            ~ " order by attribute_number"
        ) %}
        {% for row in rows %}
            {% do attributes.append({
                "attribute_id": row[0],
                "attribute_number": row[1],
                "value_type": row[2],
                "is_number": row[2] in ["rating", "number"],
            }) %}
        {% endfor %}
    {% endif %}
    {{ return(attributes) }}
{% endmacro %}

{# One row per job with a column for each of the numbered attributes, named by its
   number: a column of the cells, which hold each job and attribute at most once. #}
{% macro pivoted_cells(cells, column, attribute_numbers) -%}
    {{ return(adapter.dispatch("pivoted_cells", "jobforge")(
        cells, column, attribute_numbers
    )) }}
{%- endmacro %}

{% macro duckdb__pivoted_cells(cells, column, attribute_numbers) -%}
    select *
    from (
        select
            job_number,
            attribute_number,
            {{ column }},
        from {{ cells }}
    )
    pivot (
        max({{ column }}) for attribute_number in (
            {{ attribute_numbers | join(", ") }}
        )
        group by job_number
    )
{%- endmacro %}
