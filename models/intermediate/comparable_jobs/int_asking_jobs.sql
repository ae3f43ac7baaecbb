with asked as (
    select distinct
        missing_cells.job_id,
        donor_sets.donor_set,
    from {{ ref("int_missing_cells") }} as missing_cells
    inner join {{ ref("int_donor_sets") }} as donor_sets
        on missing_cells.attribute_id = donor_sets.attribute_id
),

jobs as (
    select * from {{ ref("int_jobs") }}
),

asking_jobs as (
    select
        asked.job_id,
        asked.donor_set,
        jobs.unit_group,
        left(jobs.unit_group, 4) as minor_group,
        jobs.job_family,
        jobs.job_function,
    from asked
    inner join jobs
        on asked.job_id = jobs.job_id
)

select * from asking_jobs
