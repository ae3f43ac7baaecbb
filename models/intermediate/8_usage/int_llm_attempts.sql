-- The contract that a Python model cannot carry itself.
with attempts as (
    select * from {{ ref("llm_attempts") }}
),

typed as (
    select
        attempt_id,
        request_key,
        run_id,
        mode,
        pack_id,
        domain,
        model_requested,
        model_returned,
        prompt_version,
        status,
        http_status,
        reason,
        request_id,
        system_fingerprint,
        prompt_tokens,
        cached_tokens,
        completion_tokens,
        cost_usd,
        price_as_of,
        latency_ms,
        sent_at,
        received_at,
        estimated_prompt_tokens,
        estimated_completion_tokens,
        cells_answered,
        cells_refused,
        cache_write_tokens,
        reasoning_tokens,
    from attempts
)

select * from typed
