{# The files that an input is read from, each with the columns it cannot do
   without, the var that says where it is, and the name by which it is known however
   the var changes. #}
{% macro publisher_files(input) %}
    {% set oasis_ratings = [] %}
    {% for file in [
        "skills", "abilities", "knowledges", "personal-attributes",
        "workactivities", "workcontext",
    ] %}
        {% do oasis_ratings.append({
            "path": var("oasis_dir") ~ "/" ~ file ~ "_oasis*.csv", "var": "oasis_dir",
            "columns": ["OaSIS Code - Final", "OaSIS Label - Final"],
        }) %}
    {% endfor %}
    {% set onet_ratings = [] %}
    {% for file in ["Skills", "Abilities", "Knowledge", "Work Activities", "Work Styles"] %}
        {% do onet_ratings.append({
            "path": var("onet_dir") ~ "/" ~ file ~ ".txt", "var": "onet_dir",
            "columns": [
                "O*NET-SOC Code", "Element ID", "Element Name", "Scale ID", "Data Value",
            ],
        }) %}
    {% endfor %}
    {% set files = {
        "jobs": [{
            "path": var("jobs_file"), "var": "jobs_file",
            "columns": contract_columns("jobs"), "by_hand": true,
        }],
        "attributes": [{
            "path": var("oasis_dir") ~ "/guide_oasis*.csv", "var": "oasis_dir",
            "columns": ["Code", "Name", "Structure type", "Description"],
        }] if is_from_oasis_files("attributes") else [],
        "authoritative_values":
            oasis_ratings if is_from_oasis_files("authoritative_values") else [],
        "noc_structure": [{
            "path": var("noc_structure_file"), "var": "noc_structure_file",
            "columns": ["Level", "Code - NOC 2021 V1.0", "Class title"],
        }],
        "oasis_profiles": [{
            "path": var("oasis_dir") ~ "/labels_oasis*.csv", "var": "oasis_dir",
            "columns": ["OaSIS profile code", "Label"],
        }],
        "oasis_example_titles": [{
            "path": var("oasis_dir") ~ "/example-titles_oasis*.csv", "var": "oasis_dir",
            "columns": ["OaSIS profile code", "Job title text"],
        }],
        "onet_ratings": onet_ratings,
        "noc_onet_crosswalk": [{
            "path": var("noc_onet_crosswalk_file"), "var": "noc_onet_crosswalk_file",
            "columns": ["noc", "onet", "onet_title"],
        }],
    }.get(input, []) %}
    {% for own in ["attributes", "authoritative_values"] if own == input and var(own ~ "_file") %}
        {% do files.append({
            "path": var(own ~ "_file"), "var": own ~ "_file",
            "columns": contract_columns(own), "by_hand": true, "is_optional": true,
        }) %}
    {% endfor %}
    {% set placed = [] %}
    {% for file in files %}
        {% set in_folder = file.var in ["oasis_dir", "onet_dir"] %}
        {% do placed.append(dict(
            file, path=data_dir() ~ "/" ~ file.path, pattern=path_pattern(file.path),
            source=file.path.split("/") | last if in_folder else file.var
        )) %}
    {% endfor %}
    {{ return(placed) }}
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
