{# Why a file is no text that the readers take: none where it is. Looked at as bytes,
   so that no reader meets it first. #}
{% macro text_fault(path, by_hand) %}
    {{ return(adapter.dispatch("text_fault", "jobforge")(path, by_hand)) }}
{% endmacro %}

{% macro duckdb__text_fault(path, by_hand) %}
    {% set query %}
        select
            case
                when hex(content[1:4]) = '504B0304'
                    then 'is an Excel workbook, whatever its name says: save it as '
                        || '"CSV UTF-8"'
                when hex(content[1:2]) in ('FFFE', 'FEFF')
                    then 'is UTF-16: save it as UTF-8'
                when words is null
                    then 'is no UTF-8 (Windows-1252 it may be, as older programs write '
                        || 'it): save it as "CSV UTF-8"'
                {%- if not by_hand %}
                when
                    regexp_matches(unquoted, '\r\n')
                    and regexp_matches(unquoted, '[^\r]\n')
                    then 'mixes line ends, line '
                        || len(string_split(regexp_extract(
                            unquoted, '^(?:[^\n]*\r\n)*[^\r\n]*\n'
                        ), chr(10))) - 1
                        || ' has another one than the first: get it again'
                {%- endif %}
            end
        from (
            select
                *,
                regexp_replace(words, '"[^"]*"', '', 'g') as unquoted,
            from (
                select
                    content,
                    try(decode(content)) as words,
                from read_blob('{{ path | replace("'", "''") }}')
            )
        )
    {% endset %}
    {{ return(run_query(query).columns[0].values()[0]) }}
{% endmacro %}

{# Publishers' releases that are not read yet, one sentence for each var that leads to
   them: by the names of their files, which such a release has changed. #}
{% macro release_problems(files) %}
    {% set said = {} %}
    {% for file in files if file.var not in said %}
        {% set folder = data_dir() ~ "/" ~ var(file.var) | string %}
        {% if file.var == "oasis_dir" %}
            {% set newer = [] %}
            {% for name in glob_names(folder ~ "/*_oasis_20*.csv") if "oasis_2023" not in name %}
                {% do newer.append(name) %}
            {% endfor %}
            {% if newer %}
                {% do said.update({file.var: "the file " ~ newer[0] ~ " is of a release of OaSIS "
                    ~ "that is not read: of OaSIS it is 2023 (v1.0); put that release into "
                    ~ folder}) %}
            {% endif %}
        {% elif file.var == "onet_dir" %}
            {% set newer = glob_names(folder ~ "/Essential Skills.txt") %}
            {% if newer %}
                {% do said.update({file.var: "the file " ~ newer[0] ~ " is of a release of O*NET "
                    ~ "that is not read (30.3 split Skills.txt): releases up to 30.0 are; put one "
                    ~ "of them into " ~ folder}) %}
            {% endif %}
        {% endif %}
    {% endfor %}
    {{ return(said) }}
{% endmacro %}

{% macro glob_names(pattern) %}
    {{ return(
        run_query(
            "select file from glob('" ~ pattern | replace("'", "''") ~ "') order by file"
        ).columns[0].values() | list
    ) }}
{% endmacro %}

{# Whether an O*NET file has scales alone that no release up to 30.0 has in it. #}
{% macro scale_problem(path) %}
    {{ return(adapter.dispatch("scale_problem", "jobforge")(path)) }}
{% endmacro %}

{% macro duckdb__scale_problem(path) %}
    {% set query %}
        select string_agg(distinct "Scale ID", ', ' order by "Scale ID")
        from read_csv(
            '{{ path | replace("'", "''") }}', header = true, all_varchar = true,
            delim = '\t', quote = '', escape = ''
        )
        having count(case when "Scale ID" in ('IM', 'LV') then 1 end) = 0
    {% endset %}
    {% set scales = run_query(query).columns[0].values() | list %}
    {{ return(scales[0] if scales else none) }}
{% endmacro %}
