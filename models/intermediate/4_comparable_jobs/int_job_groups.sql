-- The groups in which a job is looked for where its title finds too few, the
-- closest first; 4 is the rank of a similar title.
with jobs as (
    select * from {{ ref("int_weighed_jobs") }}
),

job_groups as (
    select
        job_number,
        1 as relation_rank,
        unit_group as group_key,
    from jobs
    union all
    select
        job_number,
        2 as relation_rank,
        minor_group as group_key,
    from jobs
    union all
    select
        job_number,
        3 as relation_rank,
        job_family as group_key,
    from jobs
    union all
    select
        job_number,
        5 as relation_rank,
        job_function as group_key,
    from jobs
    union all
    select
        job_number,
        6 as relation_rank,
        'every job' as group_key,
    from jobs
)

select * from job_groups
where group_key is not null
