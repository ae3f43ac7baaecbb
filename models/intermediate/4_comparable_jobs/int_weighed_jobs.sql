-- A shared function counts like a word and a half of the title.
with jobs as (
    select
        *,
        count(*) over (partition by job_function) as jobs_in_function,
        count(*) over () as all_jobs,
    from {{ ref("int_jobs") }}
),

weighed as (
    select
        job_number,
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

select * from weighed
