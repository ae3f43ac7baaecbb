-- own_number is the job whose title and groups speak for the asking one: itself, or the
-- job of which it is a twin.
with asked_cells as (
    select * from {{ ref("int_asked_cells") }}
),

donor_sets as (
    select * from {{ ref("int_donor_sets") }}
),

twin_jobs as (
    select * from {{ ref("int_twin_jobs") }}
),

asking_jobs as (
    select distinct
        donor_sets.donor_set,
        asked_cells.job_number,
        coalesce(twin_jobs.job_number, asked_cells.job_number) as own_number,
        twin_jobs.masked_gap,
    from asked_cells
    inner join donor_sets
        on asked_cells.attribute_number = donor_sets.attribute_number
    left join twin_jobs
        on asked_cells.job_number = twin_jobs.twin_number
)

select * from asking_jobs
