{# The attributes of the catalogue and the gold column that holds their typed
   value; none before the catalogue is built. #}
{% macro catalogue() %}
    {% set attributes = [] %}
    {% set catalogue_relation = ref("int_attributes") %}
    {% set relation = load_relation(catalogue_relation) if execute %}
    {% if relation %}
        {% set rows = run_query(
            "select attribute_id, value_type from " ~ relation
            ~ " order by attribute_number"
        ) %}
        {% for row in rows %}
            {% do attributes.append({
                "attribute_id": row[0],
                "value_column": "value_" ~ (
                    "number" if row[1] in ["rating", "number"] else row[1]
                ),
            }) %}
        {% endfor %}
    {% endif %}
    {{ return(attributes) }}
{% endmacro %}
