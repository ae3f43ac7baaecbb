{# Whole numbers from 1, one row each. #}
{% macro unnest_range(count) -%}
    {{ return(adapter.dispatch("unnest_range", "jobforge")(count)) }}
{%- endmacro %}

{% macro duckdb__unnest_range(count) -%}
    unnest(range(1, {{ count + 1 }}))
{%- endmacro %}

{# A Poisson variable of mean 1 that is the same for the same whole numbers everywhere. #}
{% macro poisson_draw(number, resample) -%}
    {% set uniform = text_number(
        "cast(" ~ number ~ " as " ~ dbt.type_string() ~ ") || ' ' || cast("
        ~ resample ~ " as " ~ dbt.type_string() ~ ")"
    ) ~ " / 4294967296.0" -%}
    {#- The cumulative distribution of Poisson(1): the sum of exp(-1) / k!. -#}
    {%- set ns = namespace(term=0.36787944117144233, below=0.36787944117144233) -%}
    case
        {%- for k in range(12) %}
        when {{ uniform }} < {{ ns.below }} then {{ k }}
        {%- set ns.term = ns.term / (k + 1) -%}
        {%- set ns.below = ns.below + ns.term -%}
        {%- endfor %}
        else 12
    end
{%- endmacro %}

{# A quantile between the values next to it. #}
{% macro quantile(column, share) -%}
    {{ return(adapter.dispatch("quantile", "jobforge")(column, share)) }}
{%- endmacro %}

{% macro duckdb__quantile(column, share) -%}
    quantile_cont({{ column }}, {{ share }})
{%- endmacro %}

{# Rank of a value in its group, the mean of the ranks that equals share. #}
{% macro mean_rank(column, group) -%}
    rank() over (partition by {{ group }} order by {{ column }})
    + (count(*) over (partition by {{ group }}, {{ column }}) - 1) / 2.0
{%- endmacro %}

{# What a figure of the backtest is of. #}
{% macro backtest_key() %}
    {{ return([
        "masked_gap", "domain", "value_type", "estimator", "model_used", "prompt_version",
    ]) }}
{% endmacro %}

{# Whether two rows of the backtest are of the same; null is the same as null. #}
{% macro same_backtest_key(left, right) -%}
    {%- for column in backtest_key() -%}
    {{ left }}.{{ column }} is not distinct from {{ right }}.{{ column }}
    {{- " and " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
