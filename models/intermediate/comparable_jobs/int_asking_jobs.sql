with missing_cells as (
    select * from {{ ref("int_missing_cells") }}
),

donor_sets as (
    select * from {{ ref("int_donor_sets") }}
),

jobs as (
    select * from {{ ref("int_numbered_jobs") }}
),

asking_jobs as (
    select distinct
        donor_sets.donor_set,
        jobs.job_number,
    from missing_cells
    inner join donor_sets
        on missing_cells.attribute_id = donor_sets.attribute_id
    inner join jobs
        on missing_cells.job_id = jobs.job_id
)

select * from asking_jobs
