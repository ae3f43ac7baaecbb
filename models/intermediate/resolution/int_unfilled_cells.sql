with cells as (
    select * from {{ ref("int_cells") }}
),

resolved_cells as (
    select * from {{ ref("int_resolved_cells") }}
),

imputed as (
    select * from {{ ref("int_llm_imputed_attributes") }}
),

open_cells as (
    select cells.*
    from cells
    where
        not exists (
            select 1 from resolved_cells
            where
                resolved_cells.job_id = cells.job_id
                and resolved_cells.attribute_id = cells.attribute_id
        )
),

unfilled_cells as (
    select
        open_cells.job_id,
        open_cells.attribute_id,
        coalesce(imputed.outcome, 'awaiting_llm') as fill_status,
        coalesce(imputed.reason, 'not asked yet') as fill_reason,
    from open_cells
    left join imputed
        on
            open_cells.job_id = imputed.job_id
            and open_cells.attribute_id = imputed.attribute_id
)

select * from unfilled_cells
