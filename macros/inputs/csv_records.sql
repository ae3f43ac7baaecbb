{# One row per record of a CSV file that people keep by hand, in the columns of
   an input's contract. A line break inside a title may be quoted or, when it is
   a lone carriage return among line feeds, even bare; spaces and a BOM do not matter. The rows of
   publishers' files go through read_csv instead. #}
{% macro csv_records(input, relation) %}
    {{ return(adapter.dispatch("csv_records", "jobforge")(input, relation)) }}
{% endmacro %}

{% macro duckdb__csv_records(input, relation) %}
    select
        {%- for column in input_contract()[input] %}
        {%- set name = var("columns").get(input, {}).get(column, column) %}
        {%- if name is none %}
        cast(null as {{ dbt.type_string() }}) as {{ column }},
        {%- else %}
        fields[list_position(names, '{{ name | replace("'", "''") }}')] as {{ column }},
        {%- endif %}
        {%- endfor %}
        source_file,
        source_row,
        case
            when len(fields) <> len(names)
                then 'the row has ' || len(fields) || ' fields, the header '
                    || len(names) || ': put quotes around text that holds a comma'
        end as record_problem,
    from (
        select
            source_file,
            source_row,
            fields,
            first(fields) over (
                partition by source_file order by source_row
            ) as names,
        from (
            select
                source_file,
                generate_subscripts(records, 1) as source_row,
                {{ csv_fields("unnest(records)") }} as fields,
            from (
                select
                    filename as source_file,
                    {{ csv_text_records() }} as records,
                from {{ relation }}
            )
        )
    )
    where source_row > 1
{% endmacro %}

{# A file's text cut into records at the line breaks outside quotes. #}
{% macro csv_text_records() -%}
    regexp_extract_all(
        case
            when len(replace(content, '"', '')) % 2 <> len(content) % 2
                then error(
                    filename || ' has a double quote without its partner: '
                    || 'write a quote inside quoted text twice'
                )
            else {{ csv_text("content") }}
        end,
        '(?:[^"\n]|"[^"]*")+'
    )
{%- endmacro %}

{# A file's text without a BOM and with a line feed at the end of each line. Where no
   line feed stands outside quotes, carriage returns end the lines. #}
{% macro csv_text(content) -%}
    ltrim(
        case
            when
                regexp_full_match(
                    {{ content }}, '(?:[^"\n]|"[^"]*")*\s*|[^\n]*\s*'
                )
                then replace({{ content }}, chr(13), chr(10))
            else replace({{ content }}, chr(13) || chr(10), chr(10))
        end,
        chr(65279)
    )
{%- endmacro %}

{# A record cut into its fields, unquoted and trimmed; an empty one is null. #}
{% macro csv_fields(record, delimiter=",") -%}
    list_transform(
        regexp_extract_all(
            '{{ delimiter }}' || {{ record }},
            '{{ delimiter }}((?:[^"{{ delimiter }}]|"[^"]*")*)', 1
        ),
        lambda field: nullif(trim(regexp_replace(
            case
                when trim(field) like '"%"'
                    then replace(trim(field)[2:-2], '""', '"')
                else field
            end,
            '[\s\xA0]+', ' ', 'g'
        )), '')
    )
{%- endmacro %}
