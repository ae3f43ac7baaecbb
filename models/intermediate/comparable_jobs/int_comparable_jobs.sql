with missing_cells as (
    select * from {{ ref("int_missing_cells") }}
),

donor_sets as (
    select * from {{ ref("int_donor_sets") }}
),

jobs as (
    select * from {{ ref("int_numbered_jobs") }}
),

chosen_donors as (
    select * from {{ ref("int_chosen_donors") }}
),

known_values as (
    select * from {{ ref("int_known_values") }}
),

comparable_jobs as (
    select
        missing_cells.job_id,
        missing_cells.attribute_id,
        chosen_donors.comparable_rank,
        comparable.job_id as comparable_job_id,
        comparable.job_title as comparable_job_title,
        case chosen_donors.relation_rank
            when 1 then 'same unit group'
            when 2 then 'same minor group'
            when 3 then 'same family'
            when 4 then 'similar title'
            when 5 then 'same function'
            when 6 then 'any job'
        end as relation,
        chosen_donors.similarity,
        known_values.value,
    from missing_cells
    inner join donor_sets
        on missing_cells.attribute_id = donor_sets.attribute_id
    inner join jobs
        on missing_cells.job_id = jobs.job_id
    inner join chosen_donors
        on
            donor_sets.donor_set = chosen_donors.donor_set
            and jobs.job_number = chosen_donors.job_number
    inner join jobs as comparable
        on chosen_donors.donor_number = comparable.job_number
    inner join known_values
        on
            comparable.job_id = known_values.job_id
            and missing_cells.attribute_id = known_values.attribute_id
)

select * from comparable_jobs
