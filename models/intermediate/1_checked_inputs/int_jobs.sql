-- A job goes by its number from here to gold: its place in the order of job_id.
{{ config(
    post_hook="{{ stop_at_former_numbers(this, 'job_id', 'job_number') }}"
) }}

with checked as (
    select * from {{ ref("int_jobs_checked") }}
    where is_usable
),

jobs as (
    select
        cast(row_number() over (
            order by job_id
        ) as integer) as job_number,
        job_id,
        job_title,
        job_family,
        job_function,
        case when has_known_unit_group then unit_group end as unit_group,
        case when weight > 0 then weight else 1.0 end as weight,
    from checked
)

select * from jobs
