{# A NOC code as text of so many digits: a spreadsheet drops leading zeros, all of
   them, and may add `.0`. What is not a number stays as it is, for the checks to name,
   and so does a short code that still begins with 0: it lost none, and is another
   classification's, such as 0012 of NOC 2016. #}
{% macro noc_code(column, digits) -%}
    {{ return(adapter.dispatch("noc_code", "jobforge")(column, digits)) }}
{%- endmacro %}

{% macro duckdb__noc_code(column, digits) -%}
    case
        when regexp_full_match(
            trim({{ column }}),
            '(0|[1-9][0-9]{0,{{ digits - 1 }}}|[0-9]{{ '{' ~ digits ~ '}' }})(\.0+)?'
        )
            then lpad(split_part(trim({{ column }}), '.', 1), {{ digits }}, '0')
        else trim({{ column }})
    end
{%- endmacro %}

{# An OaSIS profile code as `NNNNN.NN`: `31100.1` was `31100.10` before a
   spreadsheet read it as a number, and a bare `00010` is `00010.00`. #}
{% macro oasis_profile_code(column) -%}
    {{ return(adapter.dispatch("oasis_profile_code", "jobforge")(column)) }}
{%- endmacro %}

{% macro duckdb__oasis_profile_code(column) -%}
    case
        when regexp_full_match(
            trim({{ column }}), '(0|[1-9][0-9]{0,4}|[0-9]{5})(\.[0-9]{1,2})?'
        )
            then lpad(split_part(trim({{ column }}), '.', 1), 5, '0') || '.'
                || rpad(split_part(trim({{ column }}), '.', 2), 2, '0')
        else trim({{ column }})
    end
{%- endmacro %}

{# An O*NET-SOC code as `NN-NNNN.NN`: a bare SOC code is the occupation whose O*NET
   code ends in `.00`. What has another form stays as it is, for the checks to name. #}
{% macro onet_soc_code(column) -%}
    {{ return(adapter.dispatch("onet_soc_code", "jobforge")(column)) }}
{%- endmacro %}

{% macro duckdb__onet_soc_code(column) -%}
    case
        when regexp_full_match(trim({{ column }}), '[0-9]{2}-[0-9]{4}')
            then trim({{ column }}) || '.00'
        else trim({{ column }})
    end
{%- endmacro %}

{% macro is_onet_soc_code(column) -%}
    {{ return(adapter.dispatch("is_onet_soc_code", "jobforge")(column)) }}
{%- endmacro %}

{% macro duckdb__is_onet_soc_code(column) -%}
    regexp_full_match({{ column }}, '[0-9]{2}-[0-9]{4}\.[0-9]{2}')
{%- endmacro %}

{# What is said of a code that is no unit group, quoted as the input has it. #}
{% macro no_unit_group(code) -%}
    {{ return(adapter.dispatch("no_unit_group", "jobforge")(code)) }}
{%- endmacro %}

{% macro duckdb__no_unit_group(code) -%}
    'unit_group: ''' || coalesce({{ code }}, '') || ''' is no unit group of NOC 2021'
        || case
            when regexp_full_match({{ code }}, '[0-9]{4}(\.0+)?')
                then ' (four digits are a unit group of NOC 2016: convert it)'
            else ''
        end
{%- endmacro %}

{# Text without no-break spaces, repeated blanks and blanks at its ends. #}
{% macro plain_text(column) -%}
    {{ return(adapter.dispatch("plain_text", "jobforge")(column)) }}
{%- endmacro %}

{% macro duckdb__plain_text(column) -%}
    nullif(trim(regexp_replace({{ column }}, '[\s\xA0]+', ' ', 'g')), '')
{%- endmacro %}

{# A release as text that sorts as releases follow each other: by its numbers, so that
   30.10 comes after 30.9 and 2024-02-01 after 2023 v1.1; of a date with the year at its
   end (02/2024) the year first. Null, which sorts before all, where it has no number. #}
{% macro release_order(column) -%}
    {{ return(adapter.dispatch("release_order", "jobforge")(column)) }}
{%- endmacro %}

{% macro duckdb__release_order(column) -%}
    nullif(array_to_string(list_transform(
        regexp_extract_all(
            regexp_replace(
                {{ column }}, '^(?:([0-9]{1,2})[/.-])?([0-9]{1,2})[/.-]([0-9]{4})$',
                '\3.\2.\1'
            ),
            '[0-9]+'
        ),
        lambda number: lpad(number, 12, '0')
    ), '.'), '')
{%- endmacro %}

{# A list out of text with `|` between its items. #}
{% macro text_list(column) -%}
    {{ return(adapter.dispatch("text_list", "jobforge")(column)) }}
{%- endmacro %}

{% macro duckdb__text_list(column) -%}
    list_transform(
        string_split({{ column }}, '|'), lambda item: trim(item)
    )
{%- endmacro %}

{# A title for comparison: lower case, no accents, words with one blank between. #}
{% macro normal_title(column) -%}
    {{ return(adapter.dispatch("normal_title", "jobforge")(column)) }}
{%- endmacro %}

{% macro duckdb__normal_title(column) -%}
    trim(regexp_replace(
        lower(strip_accents({{ column }})), '[^a-z0-9]+', ' ', 'g'
    ))
{%- endmacro %}

{# An id without what people write in different ways: case, signs, leading zeros. #}
{% macro loose_id(column) -%}
    {{ return(adapter.dispatch("loose_id", "jobforge")(column)) }}
{%- endmacro %}

{% macro duckdb__loose_id(column) -%}
    regexp_replace(
        regexp_replace(lower({{ column }}), '[^\pL\pN]+', '', 'g'),
        '(^|[^0-9])0+([0-9])', '\1\2', 'g'
    )
{%- endmacro %}

{# The values of a group as one list in the given order. #}
{% macro list_agg(expression, order_by) -%}
    {{ return(adapter.dispatch("list_agg", "jobforge")(expression, order_by)) }}
{%- endmacro %}

{% macro duckdb__list_agg(expression, order_by) -%}
    list({{ expression }} order by {{ order_by }})
{%- endmacro %}

{# One value with named fields; fields: the expression of each, in order. #}
{% macro struct_of(fields) -%}
    {{ return(adapter.dispatch("struct_of", "jobforge")(fields)) }}
{%- endmacro %}

{% macro duckdb__struct_of(fields) -%}
    {
    {%- for name, expression in fields.items() -%}
        '{{ name }}': {{ expression }}{{ ", " if not loop.last }}
    {%- endfor -%}
    }
{%- endmacro %}

{# A whole number below 2^32 that is the same for a text everywhere, and says nothing of
   how it is written. #}
{% macro text_number(text) -%}
    {{ return(adapter.dispatch("text_number", "jobforge")(text)) }}
{%- endmacro %}

{% macro duckdb__text_number(text) -%}
    cast('0x' || left(md5({{ text }}), 8) as bigint)
{%- endmacro %}
