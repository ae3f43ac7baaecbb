with missing_cells as (
    select * from {{ ref("int_missing_cells") }}
),

donor_sets as (
    select * from {{ ref("int_donor_sets") }}
),

asking_jobs as (
    select distinct
        donor_sets.donor_set,
        missing_cells.job_number,
    from missing_cells
    inner join donor_sets
        on missing_cells.attribute_number = donor_sets.attribute_number
)

select * from asking_jobs
