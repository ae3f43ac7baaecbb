{# Why a value does not fit its attribute, or null where it does: expects
   value_type, scale_minimum, scale_maximum and allowed_values in scope. #}
{% macro value_problem(value, number) -%}
    case
        when value_type in ('rating', 'number') and {{ number }} is null
            then '''' || {{ value }} || ''' is no number'
        when value_type in ('rating', 'number')
            and {{ has_more_than_six_decimals(value) }}
            then {{ value }} || ' has more than six decimals; round it'
        when value_type in ('rating', 'number')
            and ({{ number }} < scale_minimum or {{ number }} > scale_maximum)
            then {{ value }} || ' is off the scale ('
                || coalesce(cast(scale_minimum as {{ dbt.type_string() }}), 'any')
                || ' to '
                || coalesce(cast(scale_maximum as {{ dbt.type_string() }}), 'any')
                || ')'
        when value_type = 'boolean' and lower({{ value }}) not in ('true', 'false')
            then '''' || {{ value }} || ''' is neither true nor false'
        when value_type = 'category'
            and not coalesce({{ list_has("allowed_values", value) }}, false)
            then '''' || {{ value }} || ''' is none of the allowed values'
    end
{%- endmacro %}

{# A number as plain decimal text without trailing zeros: 4, 3.25. #}
{% macro number_text(number) -%}
    {{ return(adapter.dispatch("number_text", "jobforge")(number)) }}
{%- endmacro %}

{% macro duckdb__number_text(number) -%}
    regexp_replace(
        cast(cast({{ number }} as decimal(28, 6)) as varchar), '\.?0+$', ''
    )
{%- endmacro %}

{# A mean that is the same in every run: doubles that are added in another order
   give another last digit, which decides how a half is rounded. #}
{% macro ordered_mean(number, order_by) -%}
    {{ return(adapter.dispatch("ordered_mean", "jobforge")(number, order_by)) }}
{%- endmacro %}

{% macro duckdb__ordered_mean(number, order_by) -%}
    avg({{ number }} order by {{ order_by }})
{%- endmacro %}

{% macro list_has(list, item) -%}
    {{ return(adapter.dispatch("list_has", "jobforge")(list, item)) }}
{%- endmacro %}

{% macro duckdb__list_has(list, item) -%}
    list_contains({{ list }}, {{ item }})
{%- endmacro %}

{% macro is_attribute_id(column) -%}
    {{ return(adapter.dispatch("is_attribute_id", "jobforge")(column)) }}
{%- endmacro %}

{% macro duckdb__is_attribute_id(column) -%}
    regexp_full_match({{ column }}, '[a-z][a-z0-9_]{0,63}')
{%- endmacro %}

{# Whether a number's text has digits that to_number would round away. #}
{% macro has_more_than_six_decimals(column) -%}
    {{ return(adapter.dispatch("has_more_than_six_decimals", "jobforge")(column)) }}
{%- endmacro %}

{% macro duckdb__has_more_than_six_decimals(column) -%}
    regexp_matches({{ column }}, '\.[0-9]{6}0*[1-9]|[0-9][eE]-')
{%- endmacro %}

{% macro has_repeats(list) -%}
    {{ return(adapter.dispatch("has_repeats", "jobforge")(list)) }}
{%- endmacro %}

{% macro duckdb__has_repeats(list) -%}
    len(list_distinct({{ list }})) <> len({{ list }})
{%- endmacro %}

{# Text as a number, null where it is none (`nan` and `inf` are none). #}
{% macro to_number(column) -%}
    {{ return(adapter.dispatch("to_number", "jobforge")(column)) }}
{%- endmacro %}

{% macro duckdb__to_number(column) -%}
    cast(try_cast({{ column }} as decimal(28, 6)) as double)
{%- endmacro %}
