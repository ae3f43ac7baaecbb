{# A NOC code as text of so many digits: a spreadsheet drops leading zeros and
   may add `.0`. What is not a number stays as it is, for the checks to name. #}
{% macro noc_code(column, digits) -%}
    {{ return(adapter.dispatch("noc_code", "jobforge")(column, digits)) }}
{%- endmacro %}

{% macro duckdb__noc_code(column, digits) -%}
    case
        when regexp_full_match(trim({{ column }}), '[0-9]{1,{{ digits }}}(\.0+)?')
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
        when regexp_full_match(trim({{ column }}), '[0-9]{1,5}(\.[0-9]{1,2})?')
            then lpad(split_part(trim({{ column }}), '.', 1), 5, '0') || '.'
                || rpad(split_part(trim({{ column }}), '.', 2), 2, '0')
        else trim({{ column }})
    end
{%- endmacro %}

{# Text without no-break spaces, repeated blanks and blanks at its ends. #}
{% macro plain_text(column) -%}
    {{ return(adapter.dispatch("plain_text", "jobforge")(column)) }}
{%- endmacro %}

{% macro duckdb__plain_text(column) -%}
    nullif(trim(regexp_replace({{ column }}, '[\s\xA0]+', ' ', 'g')), '')
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
