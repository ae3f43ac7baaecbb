{# The organisation's own files that an input is read from, each with the columns it
   cannot do without and the var that says where it is. #}
{% macro own_files(input) %}
    {% set files = [] %}
    {% if input in ["jobs", "attributes", "authoritative_values"] and var(input ~ "_file") %}
        {% do files.append({
            "path": data_dir() ~ "/" ~ var(input ~ "_file"), "var": input ~ "_file",
            "pattern": path_pattern(var(input ~ "_file")), "source": input ~ "_file",
            "columns": contract_columns(input), "is_optional": input != "jobs",
        }) %}
    {% endif %}
    {{ return(files) }}
{% endmacro %}

{# The folder of all files. #}
{% macro data_dir() %}
    {{ return(var("data_dir") or env_var("JOBFORGE_DATA_DIR", "data")) }}
{% endmacro %}

{# The names that the user's file must have for the required columns, and for the
   optional ones that the var `columns` names. #}
{% macro contract_columns(input) %}
    {% set names = var("columns").get(input, {}) %}
    {% set columns = [] %}
    {% for column, need in input_contract()[input].items() %}
        {% set name = names.get(column, column) %}
        {% if name is not none and (need == "required" or column in names) %}
            {% do columns.append(name) %}
        {% elif name is none and need == "required" %}
            {{ stop_for(
                "The var columns maps " ~ input ~ "." ~ column
                ~ " to nothing, but every row needs it: name the column that holds it."
            ) }}
        {% endif %}
    {% endfor %}
    {{ return(columns) }}
{% endmacro %}
