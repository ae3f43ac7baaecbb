-- How often the model was right where it was so sure: what the map from confidence to the
-- chance of being right is fitted to.
{{ config(materialized="view") }}

select
    source_gap,
    domain,
    value_type,
    model_used,
    prompt_version,
    feature,
    fold,
    job_hash,
    step,
    cast(count(*) as integer) as cells,
    cast(count(case when is_right then 1 end) as integer) as right_cells,
from {{ ref("int_twin_confidences") }}
group by
    source_gap,
    domain,
    value_type,
    model_used,
    prompt_version,
    feature,
    fold,
    job_hash,
    step
