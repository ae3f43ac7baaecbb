-- How sure of itself a model was of each twin, by each feature that is known of its
-- answer. A text has no right wording.
{{ config(materialized="view") }}

with answers as (
    select
        masked_gap as source_gap,
        domain,
        value_type,
        model_used,
        prompt_version,
        twin_number,
        attribute_number,
        fold,
        job_hash,
        is_right,
        stated_confidence,
        answer_probability,
    from {{ ref("int_backtest_estimates") }}
    where estimator = 'llm' and value_type <> 'text'
)

{% for feature, confidence in confidence_features().items() %}
select
    source_gap,
    domain,
    value_type,
    model_used,
    prompt_version,
    twin_number,
    attribute_number,
    fold,
    job_hash,
    is_right,
    '{{ feature }}' as feature,
    {{ confidence_step(confidence) }} as step,
from answers
where {{ confidence }} is not null
{%- if not loop.last %}
union all
{%- endif %}
{% endfor %}
