-- The ratings that the model fills, with the groups of their jobs and what their twins
-- are found by.
with source_precedence as (
    select precedence_rank from {{ ref("stg_source_precedence") }}
    where source_type = 'LLM'
),

ratings as (
    select
        attribute_number,
        domain,
        value_type,
    from {{ ref("int_attributes") }}
    where value_type = 'rating'
)

select
    groups.grouped_by,
    groups.group_name,
    resolved_cells.attribute_number,
    source_gaps.source_gap,
    ratings.domain,
    ratings.value_type,
    llm_values.model_used,
    llm_values.prompt_version,
    llm_values.value_number,
from {{ ref("int_resolved_cells") }} as resolved_cells
inner join source_precedence
    on resolved_cells.precedence_rank = source_precedence.precedence_rank
inner join ratings
    on resolved_cells.attribute_number = ratings.attribute_number
inner join {{ ref("int_llm_values") }} as llm_values
    on resolved_cells.value_id = llm_values.value_id
inner join {{ ref("int_source_gaps") }} as source_gaps
    on
        resolved_cells.job_number = source_gaps.job_number
        and resolved_cells.attribute_number = source_gaps.attribute_number
inner join {{ ref("int_reporting_groups") }} as groups
    on resolved_cells.job_number = groups.job_number
