-- Guards that money is counted in full: every attempt's tokens and cost are in the
-- usage of its run, retries and failures included.
with attempts as (
    select
        run_id as dbt_invocation_id,
        count(*) as attempts,
        coalesce(sum(prompt_tokens), 0) as prompt_tokens,
        coalesce(sum(completion_tokens), 0) as completion_tokens,
        coalesce(sum(cost_usd), 0) as cost_usd,
    from {{ ref("int_llm_attempts") }}
    group by run_id
),

usage as (
    select
        dbt_invocation_id,
        sum(attempts) as attempts,
        sum(prompt_tokens) as prompt_tokens,
        sum(completion_tokens) as completion_tokens,
        coalesce(sum(cost_usd), 0) as cost_usd,
    from {{ ref("gold_imputation_usage") }}
    group by dbt_invocation_id
)

select
    coalesce(attempts.dbt_invocation_id, usage.dbt_invocation_id) as dbt_invocation_id,
    attempts.attempts as attempts_in_ledger,
    usage.attempts as attempts_in_usage,
    attempts.cost_usd as cost_in_ledger,
    usage.cost_usd as cost_in_usage,
from attempts
full outer join usage
    on attempts.dbt_invocation_id = usage.dbt_invocation_id
where
    attempts.attempts is distinct from usage.attempts
    or attempts.prompt_tokens is distinct from usage.prompt_tokens
    or attempts.completion_tokens is distinct from usage.completion_tokens
    or abs(attempts.cost_usd - usage.cost_usd) > 0.000001
