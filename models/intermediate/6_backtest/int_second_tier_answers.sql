-- The contract that a Python model cannot carry itself.
with imputed as (
    select * from {{ ref("llm_second_tier_answers") }}
),

typed as (
    select
        job_id,
        attribute_id,
        pack_id,
        outcome,
        reason,
        reason_code,
        value,
        confidence,
        rationale,
        model_requested,
        model_used,
        prompt_version,
        request_id,
        imputed_at,
        is_stale,
        estimated_calls,
        estimated_input_tokens,
        estimated_output_tokens,
        estimated_cost_usd,
        dbt_invocation_id,
        question_key,
    from imputed
)

select * from typed
