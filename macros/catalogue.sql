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

{# What stands at a place of a list that must have so many items: an error where it
   has not, for then every place behind a gap would be another's. #}
{% macro item_of(list, place, length) -%}
    {{ return(adapter.dispatch("item_of", "jobforge")(list, place, length)) }}
{%- endmacro %}

{% macro duckdb__item_of(list, place, length) -%}
    case
        when len({{ list }}) = {{ length }} then {{ list }}[{{ place }}]
        else error('{{ list }} has not one item for each attribute')
    end
{%- endmacro %}
