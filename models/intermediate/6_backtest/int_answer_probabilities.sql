-- The contract that a Python model cannot carry itself. Twins have numbers above every
-- job's.
with probabilities as (
    select * from {{ ref("llm_answer_probabilities") }}
),

jobs as (
    select
        job_id,
        job_number,
    from {{ ref("int_jobs") }}
    union all
    select
        job_id,
        twin_number as job_number,
    from {{ ref("int_twin_jobs") }}
),

attributes as (
    select
        attribute_id,
        attribute_number,
    from {{ ref("int_attributes") }}
),

typed as (
    select
        jobs.job_number,
        attributes.attribute_number,
        probabilities.model_used,
        probabilities.imputed_at,
        probabilities.answer_probability,
        probabilities.expected_value,
    from probabilities
    inner join jobs
        on probabilities.job_id = jobs.job_id
    inner join attributes
        on probabilities.attribute_id = attributes.attribute_id
)

select * from typed
