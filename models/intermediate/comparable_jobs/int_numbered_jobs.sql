-- A job's number is its place in the order of job_id: a short key for millions of
-- pairs, and what settles a tie. Its function counts like a word and a half.
with jobs as (
    select
        *,
        count(*) over (partition by job_function) as jobs_in_function,
        count(*) over () as all_jobs,
    from {{ ref("int_jobs") }}
),

numbered as (
    select
        row_number() over (
            order by job_id
        ) as job_number,
        job_id,
        job_title,
        unit_group,
        left(unit_group, 4) as minor_group,
        job_family,
        job_function,
        case
            when job_function is null then 0
            else 1.5 * {{ rarity("jobs_in_function", "all_jobs") }}
        end as function_weight,
    from jobs
)

select * from numbered
