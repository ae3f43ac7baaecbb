-- Every attempt counts, failed ones and retries too. An attempt whose usage nobody
-- told has no tokens to count and takes no part in the estimate's error.
with attempts as (
    select
        *,
        prompt_tokens is not null
        and completion_tokens is not null
        and estimated_prompt_tokens is not null
        and estimated_completion_tokens is not null as is_comparable,
    from {{ ref("int_llm_attempts") }}
),

summed as (
    select
        run_id as dbt_invocation_id,
        model_requested,
        domain,
        min(sent_at) as first_sent_at,
        count(distinct request_key) as calls,
        count(*) as attempts,
        count(case when cells_answered + cells_refused = 0 then 1 end)
            as attempts_without_answer,
        cast(coalesce(sum(prompt_tokens), 0) as bigint) as prompt_tokens,
        cast(coalesce(sum(cached_tokens), 0) as bigint) as cached_tokens,
        cast(coalesce(sum(completion_tokens), 0) as bigint) as completion_tokens,
        sum(cost_usd) as cost_usd,
        count(case when prompt_tokens is not null and cost_usd is null then 1 end)
            as attempts_without_price,
        count(case when prompt_tokens is null then 1 end) as attempts_without_usage,
        cast(sum(cells_answered) as bigint) as cells_answered,
        cast(sum(cells_refused) as bigint) as cells_refused,
        cast(sum(cache_write_tokens) as bigint) as cache_write_tokens,
        cast(sum(reasoning_tokens) as bigint) as reasoning_tokens,
        cast(
            sum(case when is_comparable then prompt_tokens end) as double
        ) as counted_input,
        cast(
            sum(case when is_comparable then estimated_prompt_tokens end) as double
        ) as estimated_input,
        cast(
            sum(case when is_comparable then completion_tokens end) as double
        ) as counted_output,
        cast(
            sum(case when is_comparable then estimated_completion_tokens end) as double
        ) as estimated_output,
    from attempts
    group by run_id, model_requested, domain
),

usage as (
    select
        dbt_invocation_id,
        model_requested,
        domain,
        first_sent_at,
        calls,
        attempts,
        attempts_without_answer,
        prompt_tokens,
        cached_tokens,
        completion_tokens,
        cost_usd,
        attempts_without_price,
        attempts_without_usage,
        cells_answered,
        cells_refused,
        cost_usd / nullif(cells_answered, 0) as cost_per_cell_usd,
        round(estimated_input / nullif(counted_input, 0) - 1, 4)
            as input_estimate_error,
        round(estimated_output / nullif(counted_output, 0) - 1, 4)
            as output_estimate_error,
        cache_write_tokens,
        reasoning_tokens,
    from summed
)

select * from usage
