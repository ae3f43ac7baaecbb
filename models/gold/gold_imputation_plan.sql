-- Figures are null where the run did not plan (llm_mode is not plan), and cost also
-- where the model has no price.
with waiting_cells as (
    select * from {{ ref("int_llm_imputed_attributes") }}
    where outcome = 'awaiting_llm'
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
        round(sum(waiting_cells.estimated_calls), 6) as estimated_calls,
        round(sum(waiting_cells.estimated_input_tokens), 3)
            as estimated_input_tokens,
        round(sum(waiting_cells.estimated_output_tokens), 3)
            as estimated_output_tokens,
        round(sum(waiting_cells.estimated_cost_usd), 9) as estimated_cost_usd,
    from waiting_cells
    inner join source_gaps
        on
            waiting_cells.job_id = source_gaps.job_id
            and waiting_cells.attribute_id = source_gaps.attribute_id
    inner join attributes
        on waiting_cells.attribute_id = attributes.attribute_id
    group by
        attributes.attribute_id,
        attributes.attribute_name,
        attributes.domain,
        source_gaps.source_gap
)

select * from plan
