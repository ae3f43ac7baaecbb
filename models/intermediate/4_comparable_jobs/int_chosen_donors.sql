-- A job for which fewer were found is given others of its function, then any,
-- so that it has an estimate wherever a value is known at all.
with closest_donors as (
    select * from {{ ref("int_closest_donors") }}
),

short_of_donors as (
    select
        asking_jobs.donor_set,
        asking_jobs.job_number,
    from {{ ref("int_asking_jobs") }} as asking_jobs
    left join closest_donors
        on
            asking_jobs.donor_set = closest_donors.donor_set
            and asking_jobs.job_number = closest_donors.job_number
            and closest_donors.comparable_rank = {{ var("llm_comparable_jobs") }}
    where closest_donors.job_number is null
),

job_groups as (
    select * from {{ ref("int_job_groups") }}
    where relation_rank > 4
),

group_donors as (
    select * from {{ ref("int_group_donors") }}
),

candidates as (
    select
        donor_set,
        job_number,
        donor_number,
        record_number,
        relation_rank,
        similarity,
    from closest_donors
    union all
    select
        short_of_donors.donor_set,
        short_of_donors.job_number,
        group_donors.donor_number,
        group_donors.record_number,
        group_donors.relation_rank,
        cast(0 as double) as similarity,
    from short_of_donors
    inner join job_groups
        on short_of_donors.job_number = job_groups.job_number
    inner join group_donors
        on
            short_of_donors.donor_set = group_donors.donor_set
            and job_groups.relation_rank = group_donors.relation_rank
            and job_groups.group_key = group_donors.group_key
    union all
    select twin_donors.*
    from {{ ref("int_twin_donors") }} as twin_donors
    inner join short_of_donors
        on
            twin_donors.donor_set = short_of_donors.donor_set
            and twin_donors.job_number = short_of_donors.job_number
    where twin_donors.relation_rank > 4
),

{{ closest_records("candidates") }}

select * from closest_records
