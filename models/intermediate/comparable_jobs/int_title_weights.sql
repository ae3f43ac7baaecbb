-- The job's function counts like a word of the title and a half.
with jobs as (
    select
        job_id,
        job_function,
        count(*) over (partition by job_function) as jobs_in_function,
        count(*) over () as all_jobs,
    from {{ ref("int_jobs") }}
),

tokens as (
    select job_id, sum(weight) as token_weight
    from {{ ref("int_title_tokens") }}
    group by job_id
),

weighed as (
    select
        jobs.job_id,
        jobs.job_function,
        coalesce(tokens.token_weight, 0) as token_weight,
        case
            when jobs.job_function is null then 0
            else 1.5 * {{ rarity("jobs.jobs_in_function", "jobs.all_jobs") }}
        end as function_weight,
    from jobs
    left join tokens
        on jobs.job_id = tokens.job_id
)

select * from weighed
