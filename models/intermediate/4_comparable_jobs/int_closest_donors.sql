-- By title and by NOC group or family; within a relation by title.
with asking_jobs as (
    select * from {{ ref("int_asking_jobs") }}
),

similarities as (
    select * from {{ ref("int_title_similarities") }}
),

donors as (
    select * from {{ ref("int_donors") }}
),

job_groups as (
    select * from {{ ref("int_job_groups") }}
    where relation_rank < 4
),

group_donors as (
    select * from {{ ref("int_group_donors") }}
),

candidates as (
    select
        asking_jobs.donor_set,
        asking_jobs.job_number,
        donors.job_number as donor_number,
        donors.record_number,
        similarities.relation_rank,
        similarities.similarity,
    from asking_jobs
    inner join similarities
        on asking_jobs.job_number = similarities.job_number
    inner join donors
        on
            asking_jobs.donor_set = donors.donor_set
            and similarities.donor_number = donors.job_number
    union all
    select
        asking_jobs.donor_set,
        asking_jobs.job_number,
        group_donors.donor_number,
        group_donors.record_number,
        group_donors.relation_rank,
        cast(0 as double) as similarity,
    from asking_jobs
    inner join job_groups
        on asking_jobs.job_number = job_groups.job_number
    inner join group_donors
        on
            asking_jobs.donor_set = group_donors.donor_set
            and job_groups.relation_rank = group_donors.relation_rank
            and job_groups.group_key = group_donors.group_key
    union all
    select * from {{ ref("int_twin_donors") }}
    where relation_rank <= 4
),

{{ closest_records("candidates") }}

select * from closest_records
