-- How often the model was right where it said that it was so sure: what the map from
-- stated to measured confidence is fitted to. A text has no right wording.
{{ config(materialized="view") }}

select
    masked_gap as source_gap,
    domain,
    value_type,
    model_used,
    prompt_version,
    fold,
    job_hash,
    {{ confidence_step("stated_confidence") }} as step,
    cast(count(*) as integer) as cells,
    cast(count(case when is_right then 1 end) as integer) as right_cells,
from {{ ref("int_backtest_estimates") }}
where estimator = 'llm' and value_type <> 'text'
group by
    masked_gap,
    domain,
    value_type,
    model_used,
    prompt_version,
    fold,
    job_hash,
    {{ confidence_step("stated_confidence") }}
