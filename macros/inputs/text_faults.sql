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
                from read_blob({{ file_literal(path) }})
            )
        )
    {% endset %}
    {{ return(run_query(query).columns[0].values()[0]) }}
{% endmacro %}
