{# The release of the file that a row came from. It belongs to the file: its name tells it,
   or its folder's (`db_30_0_text`), and only where neither does the var is taken. #}
{% macro release_of_file(folder_var, file) %}
    {{ return(adapter.dispatch("release_of_file", "jobforge")(folder_var, file)) }}
{% endmacro %}

{% macro duckdb__release_of_file(folder_var, file) -%}
    {%- set named, between = {
        "oasis_dir": ("_oasis[_-]([0-9]{4}(?:_v[0-9.]*[0-9])?)[.]csv$", " "),
        "onet_dir": ("^.*db_([0-9]+_[0-9]+)", "."),
    }[folder_var] %}
    coalesce(
        nullif(
            replace(
                replace(regexp_extract({{ file }}, '{{ named }}', 1), '_v.', '_v'),
                '_', '{{ between }}'
            ),
            ''
        ),
        {{ text_literal(release_of_var(folder_var)) }}
    )
{%- endmacro %}

{% macro release_of_var(folder_var) %}
    {{ return(var({"oasis_dir": "oasis_release", "onet_dir": "onet_release"}[folder_var])) }}
{% endmacro %}

{# Says where files with ratings are of another release than the var names. #}
{% macro say_releases_of_files(tables) %}
    {% set said = [] %}
    {% for name in tables
        if publisher_tables()[name].input in ["authoritative_values", "onet_ratings"] %}
        {% set place = publisher_tables()[name].folder %}
        {% set named = release_of_var(place) %}
        {% for path in publisher_paths(name).files %}
            {% set release = run_query(
                "select " ~ release_of_file(place, text_literal(path))
            ).columns[0].values()[0] %}
            {% if release | string != named | string and (place, release) not in said %}
                {% do said.append((place, release)) %}
                {% do say(
                    "The file " ~ path ~ " is of release " ~ release ~ ", and gold says so of its"
                    ~ " values; the var for files that do not tell their release says " ~ named
                ) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
{% endmacro %}
