-- The contract that a Python model cannot carry itself.
with imputed as (
    select * from {{ ref("llm_imputed_attributes") }}
),

typed as (
    select
        job_id,
        attribute_id,
        pack_id,
        outcome,
        reason,
        value,
        confidence,
        rationale,
        model_requested,
        model_used,
        prompt_version,
        request_id,
        imputed_at,
        dbt_invocation_id,
        cell_key,
    from imputed
)

select * from typed
