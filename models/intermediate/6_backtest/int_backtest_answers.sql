-- The contract that a Python model cannot carry itself.
with answers as (
    select * from {{ ref("llm_backtest_answers") }}
),

twin_jobs as (
    select
        twin_number,
        job_id,
    from {{ ref("int_twin_jobs") }}
),

attributes as (
    select
        attribute_number,
        attribute_id,
    from {{ ref("int_attributes") }}
),

typed as (
    select
        twin_jobs.twin_number,
        attributes.attribute_number,
        answers.asked_model,
        answers.asked_rationale,
        answers.outcome,
        answers.reason_code,
        answers.value,
        answers.confidence,
        answers.rationale,
        answers.model_used,
        answers.prompt_version,
        answers.imputed_at,
        answers.estimated_calls,
        answers.estimated_cost_usd,
    from answers
    inner join twin_jobs
        on answers.job_id = twin_jobs.job_id
    inner join attributes
        on answers.attribute_id = attributes.attribute_id
)

select * from typed
