-- A cell whose value stands in quarantine is not asked while that is open. Most jobs
-- are known in full: they are found by a count, and only the others' cells are looked
-- up one by one.
with known_values as (
    select * from {{ ref("int_known_values") }}
),

complete_jobs as (
    select job_number
    from known_values
    group by job_number
    having count(*) = (select count(*) from {{ ref("int_attributes") }})
),

cells as (
    select cells.*
    from {{ ref("int_cells") }} as cells
    where
        not exists (
            select 1 from complete_jobs
            where complete_jobs.job_number = cells.job_number
        )
),

missing_cells as (
    select cells.*
    from cells
    where
        not exists (
            select 1 from known_values
            where
                known_values.job_number = cells.job_number
                and known_values.attribute_number = cells.attribute_number
        )
        and not exists (
            select 1 from {{ ref("int_set_aside_cells") }} as set_aside_cells
            where
                set_aside_cells.job_number = cells.job_number
                and set_aside_cells.attribute_number = cells.attribute_number
        )
)

select * from missing_cells
