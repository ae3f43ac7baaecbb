-- Guards that packing loses no cell: each missing cell has one outcome of the
-- model's stage. With --empty nothing is asked, and gold still names every cell.
{{ config(severity="warn" if flags.EMPTY else "error") }}

with missing_cells as (
    select
        jobs.job_id,
        attributes.attribute_id,
        1 as expected_rows,
    from {{ ref("int_missing_cells") }} as missing_cells
    inner join {{ ref("int_jobs") }} as jobs
        on missing_cells.job_number = jobs.job_number
    inner join {{ ref("int_attributes") }} as attributes
        on missing_cells.attribute_number = attributes.attribute_number
),

outcomes as (
    select
        job_id,
        attribute_id,
        count(*) as actual_rows,
    from {{ ref("int_llm_imputed_attributes") }}
    group by job_id, attribute_id
)

select
    coalesce(missing_cells.job_id, outcomes.job_id) as job_id,
    coalesce(missing_cells.attribute_id, outcomes.attribute_id) as attribute_id,
    outcomes.actual_rows,
from missing_cells
full outer join outcomes
    on
        missing_cells.job_id = outcomes.job_id
        and missing_cells.attribute_id = outcomes.attribute_id
where missing_cells.expected_rows is distinct from outcomes.actual_rows
