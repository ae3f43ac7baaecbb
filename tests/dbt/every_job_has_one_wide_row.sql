-- Guards the BI table: one row for each job of the grid, none for others.
with jobs as (
    select
        job_id,
        1 as expected_rows,
    from {{ ref("int_jobs") }}
),

wide as (
    select
        job_id,
        count(*) as actual_rows,
    from {{ ref("gold_jobs_wide") }}
    group by job_id
)

select
    coalesce(jobs.job_id, wide.job_id) as job_id,
    wide.actual_rows,
from jobs
full outer join wide
    on jobs.job_id = wide.job_id
where jobs.expected_rows is distinct from wide.actual_rows
