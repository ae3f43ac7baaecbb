{# Files are read from this machine and its mounts: an address would make DuckDB fetch
   an extension and then the file, so it is refused before anything is read. #}
{% macro address_problems() %}
    {% set problems = [] %}
    {% for name in [
        "data_dir", "oasis_dir", "noc_structure_file", "noc_onet_crosswalk_file",
        "onet_dir", "jobs_file", "attributes_file", "authoritative_values_file",
    ] %}
        {% set path = data_dir() if name == "data_dir" else var(name) %}
        {% set scheme = path.split("://")[0] %}
        {% if scheme not in [path, "file"] and name != "data_dir" %}
            {% do problems.append(
                "the var " ~ name ~ " is an address (" ~ scheme
                ~ "://…): name a path below data_dir"
            ) %}
        {% elif scheme not in [path, "file"] and not files_may_be_remote() %}
            {% do problems.append(
                "the var data_dir (or JOBFORGE_DATA_DIR) is an address (" ~ scheme
                ~ "://…), and nothing is loaded from a network: copy the files into a"
                ~ " folder and name that, or set the var files_from_network to true"
            ) %}
        {% endif %}
    {% endfor %}
    {{ return(problems) }}
{% endmacro %}

{% macro files_may_be_remote() %}
    {{ return(var("files_from_network") | string | lower == "true") }}
{% endmacro %}

{# Whether the database fetches extensions by itself, as it was before this call sets it. #}
{% macro let_extensions_be_fetched(allowed) %}
    {{ return(adapter.dispatch("let_extensions_be_fetched", "jobforge")(allowed)) }}
{% endmacro %}

{% macro default__let_extensions_be_fetched(allowed) %}
    {{ return(false) }}
{% endmacro %}

{% macro duckdb__let_extensions_be_fetched(allowed) %}
    {% set before = run_query(
        "select cast(current_setting('autoinstall_known_extensions') as boolean)"
    ).columns[0].values()[0] %}
    {% do run_query("set autoinstall_known_extensions = " ~ allowed) %}
    {{ return(before) }}
{% endmacro %}
