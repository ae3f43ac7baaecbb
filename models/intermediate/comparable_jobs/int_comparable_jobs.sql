with missing_cells as (
    select * from {{ ref("int_missing_cells") }}
),

donor_sets as (
    select * from {{ ref("int_donor_sets") }}
),

ranked_donors as (
    select * from {{ ref("int_ranked_donors") }}
),

known_values as (
    select * from {{ ref("int_known_values") }}
),

jobs as (
    select * from {{ ref("int_jobs") }}
),

comparable_jobs as (
    select
        missing_cells.job_id,
        missing_cells.attribute_id,
        ranked_donors.comparable_rank,
        ranked_donors.comparable_job_id,
        jobs.job_title as comparable_job_title,
        case ranked_donors.relation_rank
            when 1 then 'same unit group'
            when 2 then 'same minor group'
            when 3 then 'same family'
            when 4 then 'similar title'
            when 5 then 'same function'
            else 'any job'
        end as relation,
        ranked_donors.similarity,
        known_values.value,
    from missing_cells
    inner join donor_sets
        on missing_cells.attribute_id = donor_sets.attribute_id
    inner join ranked_donors
        on
            missing_cells.job_id = ranked_donors.job_id
            and donor_sets.donor_set = ranked_donors.donor_set
    inner join known_values
        on
            ranked_donors.comparable_job_id = known_values.job_id
            and missing_cells.attribute_id = known_values.attribute_id
    inner join jobs
        on ranked_donors.comparable_job_id = jobs.job_id
)

select * from comparable_jobs
