{# The release of the file that a row came from. It belongs to the file: its name tells it,
   or its folder's (`db_30_0_text`), and only where neither does the var is taken. #}
{% macro release_of_file(folder_var, file) %}
    {{ return(adapter.dispatch("release_of_file", "jobforge")(folder_var, file)) }}
{% endmacro %}

{% macro duckdb__release_of_file(folder_var, file) -%}
    {%- set named, between = {
        "oasis_dir": ("_oasis[_-]([0-9]{4}(?:_v[0-9.]*[0-9])?)[.]csv$", " "),
        "onet_dir": ("db_([0-9]+_[0-9]+)_text", "."),
    }[folder_var] %}
    coalesce(
        nullif(
            replace(
                regexp_extract({{ file }}, '{{ named }}', 1), '_', '{{ between }}'
            ),
            ''
        ),
        {{ text_literal(release_of_var(folder_var)) }}
    )
{%- endmacro %}

{% macro release_of_var(folder_var) %}
    {{ return(var({"oasis_dir": "oasis_release", "onet_dir": "onet_release"}[folder_var])) }}
{% endmacro %}

{# Says where files are of another release than the var names. #}
{% macro say_releases_of_files(files) %}
    {% set said = [] %}
    {% for file in files if file.var in ["oasis_dir", "onet_dir"] %}
        {% set named = release_of_var(file.var) %}
        {% for path, release in run_query(
            "select file, " ~ release_of_file(file.var, "file")
            ~ " from glob(" ~ text_literal(file.pattern) ~ ") order by file"
        ) if release != named and (file.var, release) not in said %}
            {% do said.append((file.var, release)) %}
            {% do say(
                "The file " ~ path ~ " is of release " ~ release ~ ", and gold says so of its"
                ~ " values; the var for files that do not tell their release says " ~ named
            ) %}
        {% endfor %}
    {% endfor %}
{% endmacro %}

{# Publishers' releases that are not read yet, one sentence for each var that leads to
   them: by the names of their files, which such a release has changed. #}
{% macro release_problems(files) %}
    {% set said = {} %}
    {% for file in files if file.var not in said %}
        {% set folder = data_dir() ~ "/" ~ var(file.var) | string %}
        {% set pattern = path_pattern(var(file.var) | string) %}
        {% if file.var == "oasis_dir" %}
            {% set newer = [] %}
            {% for name in glob_names(pattern ~ "/*_oasis_20*.csv") if "oasis_2023" not in name %}
                {% do newer.append(name) %}
            {% endfor %}
            {% if newer %}
                {% do said.update({file.var: "the file " ~ newer[0] ~ " is of a release of OaSIS "
                    ~ "that is not read: of OaSIS it is 2023 (v1.0); put that release into "
                    ~ folder}) %}
            {% endif %}
        {% elif file.var == "onet_dir" %}
            {% set newer = glob_names(pattern ~ "/Essential Skills.txt") %}
            {% if newer %}
                {% do said.update({file.var: "the file " ~ newer[0] ~ " is of a release of O*NET "
                    ~ "that is not read (30.3 split Skills.txt): releases up to 30.0 are; put one "
                    ~ "of them into " ~ folder}) %}
            {% endif %}
        {% endif %}
    {% endfor %}
    {{ return(said) }}
{% endmacro %}

{# Whether an O*NET file has scales alone that no release up to 30.0 has in it. #}
{% macro scale_problem(path) %}
    {{ return(adapter.dispatch("scale_problem", "jobforge")(path)) }}
{% endmacro %}

{% macro duckdb__scale_problem(path) %}
    {% set query %}
        select string_agg(distinct "Scale ID", ', ' order by "Scale ID")
        from read_csv(
            {{ file_literal(path) }}, header = true, all_varchar = true,
            delim = '\t', quote = '', escape = ''
        )
        having count(case when "Scale ID" in ('IM', 'LV') then 1 end) = 0
    {% endset %}
    {% set scales = run_query(query).columns[0].values() | list %}
    {{ return(scales[0] if scales else none) }}
{% endmacro %}
