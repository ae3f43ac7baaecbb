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

{# Whether an estimate is right: the same text, or a number that rounds to the same whole
   one or is within the tolerance. #}
{% macro is_right(value, number, true_value, true_number, tolerance) -%}
    case
        when {{ true_number }} is null then {{ value }} = {{ true_value }}
        when abs({{ number }} - {{ true_number }}) <= {{ tolerance }} then true
        else round({{ number }}) = round({{ true_number }})
    end
{%- endmacro %}

{# Whether a rating goes in whole steps: expects value_type and the scale in scope. #}
{% macro is_whole_scale() -%}
    coalesce(
        value_type = 'rating'
        and scale_minimum = round(scale_minimum)
        and scale_maximum = round(scale_maximum),
        false
    )
{%- endmacro %}

{# Fitting and judging never see the same job: the jobs are dealt into so many folds. #}
{% macro folds() %}{{ return(5) }}{% endmacro %}

{# A number from 0 to below 1 for each cell, the same in every run. Apart from the one
   that twins are drawn by: among twins that one is always small. #}
{% macro cell_draw(job_hash, attribute_hash) -%}
    mod({{ job_hash }} * 405371717 + {{ attribute_hash }} * 271828183, 4294967296)
    / 4294967296.0
{%- endmacro %}

{# The ends of Wilson's 95 % interval of a share, null without cases (Wilson, Probable
   inference, the law of succession, and statistical inference, 1927). #}
{% macro wilson(share, cases, end) -%}
    {%- set z = 1.959964 -%}
    {%- set sign = "-" if end == "low" else "+" -%}
    {%- set of_share = share ~ " * (1 - " ~ share ~ ") / nullif(" ~ cases ~ ", 0)" -%}
    {%- set of_cases = (z * z / 4) ~ " / nullif(" ~ cases ~ " * " ~ cases ~ ", 0)" -%}
    ({{ share }} + {{ z * z / 2 }} / nullif({{ cases }}, 0) {{ sign }} {{ z }} * sqrt({{ of_share }} + {{ of_cases }})) / (1 + {{ z * z }} / nullif({{ cases }}, 0))
{%- endmacro %}

{# Whether an estimator costs nothing and needs no source of the cell's own: what a model or
   two tiers of them say, by an answer or by what was found probable, and O*NET are measured
   beside the baselines. #}
{% macro is_baseline(estimator) -%}
    {{ estimator }} not in ('llm', 'llm_expected', 'tiers', 'onet')
{%- endmacro %}

{# How well the model knows when it is right is measured for each of these. #}
{% macro confidence_key() %}
    {{ return(["source_gap", "domain", "value_type", "model_used", "prompt_version"]) }}
{% endmacro %}

{% macro same_confidence_key(left, right) -%}
    {%- for column in confidence_key() -%}
    {{ left }}.{{ column }} is not distinct from {{ right }}.{{ column }}
    {{- " and " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# The step of a confidence, which has 21 of them: 0 for 0.00, 20 for 1.00. #}
{% macro confidence_step(confidence) -%}
    cast(round({{ confidence }} * 20) as integer)
{%- endmacro %}

{# What is known of how sure a model is, by name, the simplest first: expects stated_confidence
   and answer_probability in scope. #}
{% macro confidence_features() %}
    {{ return({
        "stated": "stated_confidence",
        "probability": "answer_probability",
        "both": "(stated_confidence + answer_probability) / 2",
    }) }}
{% endmacro %}

{# How sure one may be of each twin's answer, by each feature of confidence, as the map says that
   the twin's own job had no part in. A whole query. #}
{% macro held_out_confidences() -%}
    select
        confidences.*,
        confidence_map.measured_confidence,
    from {{ ref("int_twin_confidences") }} as confidences
    inner join {{ ref("int_confidence_map") }} as confidence_map
        on
            {{ same_confidence_key("confidences", "confidence_map") }}
            and confidences.feature = confidence_map.feature
            and confidences.fold = confidence_map.held_out_fold
            and confidences.step = confidence_map.step
{%- endmacro %}

{# Whether a run's id is that of a run that asked for twins. #}
{% macro is_of_backtest(run_id) -%}
    {{ run_id }} like '%-backtest'
{%- endmacro %}
