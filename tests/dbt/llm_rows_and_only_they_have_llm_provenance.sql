-- Guards promise 2: a value of the model names its model, prompt version,
-- rationale and time, and no other value does.
select
    job_id,
    attribute_id,
    source_type,
    model_used,
    prompt_version,
    rationale,
    imputed_at,
from {{ ref("gold_job_attributes") }}
where
    (source_type is not distinct from 'LLM') is distinct from (model_used is not null)
    or (source_type is not distinct from 'LLM')
    is distinct from (prompt_version is not null)
    or (source_type is not distinct from 'LLM') is distinct from (rationale is not null)
    or (source_type is not distinct from 'LLM') is distinct from (imputed_at is not null)
