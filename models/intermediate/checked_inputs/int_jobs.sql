with checked as (
    select * from {{ ref("int_jobs_checked") }}
    where is_usable
),

jobs as (
    select
        job_id,
        job_title,
        job_family,
        job_function,
        case when problem is null then unit_group end as unit_group,
    from checked
)

select * from jobs
