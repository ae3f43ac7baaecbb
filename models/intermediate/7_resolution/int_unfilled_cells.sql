with missing_cells as (
    select * from {{ ref("int_missing_cells") }}
),

llm_values as (
    select * from {{ ref("int_llm_values") }}
),

imputed as (
    select * from {{ ref("int_llm_imputed_attributes") }}
),

jobs as (
    select
        job_number,
        job_id,
    from {{ ref("int_jobs") }}
),

attributes as (
    select
        attribute_number,
        attribute_id,
    from {{ ref("int_attributes") }}
),

open_cells as (
    select missing_cells.*
    from missing_cells
    where
        not exists (
            select 1 from llm_values
            where
                llm_values.job_number = missing_cells.job_number
                and llm_values.attribute_number
                = missing_cells.attribute_number
        )
),

unfilled_cells as (
    select
        open_cells.job_number,
        open_cells.attribute_number,
        coalesce(imputed.outcome, 'awaiting_llm') as fill_status,
        coalesce(imputed.reason, 'not asked yet') as fill_reason,
        coalesce(imputed.reason_code, 'not_asked_yet') as fill_reason_code,
    from open_cells
    inner join jobs
        on open_cells.job_number = jobs.job_number
    inner join attributes
        on open_cells.attribute_number = attributes.attribute_number
    left join imputed
        on
            jobs.job_id = imputed.job_id
            and attributes.attribute_id = imputed.attribute_id
),

set_aside_cells as (
    select
        job_number,
        attribute_number,
        'set_aside' as fill_status,
        'the value given for it is in quarantine (' || quarantined_row
        || '): correct or remove that row' as fill_reason,
        'value_set_aside' as fill_reason_code,
    from {{ ref("int_set_aside_cells") }}
)

select * from unfilled_cells
union all
select * from set_aside_cells
