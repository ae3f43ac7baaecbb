-- Figures are null where the run did not plan (llm_mode is not plan), and cost also
-- where the model has no price. A plan gives 0 calls to a cell that waits in a batch, and
-- some to an answer that is asked for again.
with cells_to_ask as (
    select * from {{ ref("int_llm_imputed_attributes") }}
    where
        estimated_calls > 0
        or (outcome = 'awaiting_llm' and estimated_calls is null)
),

source_gaps as (
    select * from {{ ref("int_source_gaps") }}
),

attributes as (
    select * from {{ ref("int_attributes") }}
),

plan as (
    select
        attributes.attribute_id,
        attributes.attribute_name,
        attributes.domain,
        source_gaps.source_gap,
        count(*) as cells,
        round(sum(cells_to_ask.estimated_calls), 6) as estimated_calls,
        round(sum(cells_to_ask.estimated_input_tokens), 3)
            as estimated_input_tokens,
        round(sum(cells_to_ask.estimated_output_tokens), 3)
            as estimated_output_tokens,
        round(sum(cells_to_ask.estimated_cost_usd), 9) as estimated_cost_usd,
    from cells_to_ask
    inner join source_gaps
        on
            cells_to_ask.job_id = source_gaps.job_id
            and cells_to_ask.attribute_id = source_gaps.attribute_id
    inner join attributes
        on cells_to_ask.attribute_id = attributes.attribute_id
    group by
        attributes.attribute_id,
        attributes.attribute_name,
        attributes.domain,
        source_gaps.source_gap
)

select * from plan
