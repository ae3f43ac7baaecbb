-- Jobs that inherit from the very same scopes are one set, so that what they inherit
-- is decided once. A job's own scope is its alone and in no set.
with scopes as (
    select * from {{ ref("int_job_scopes") }}
    where scope_level <> 'job'
),

scopes_of_jobs as (
    select
        job_number,
        {{ dbt.listagg(
            "scope_level || ' ' || scope_code || ' ' || inheritance_level",
            "', '",
            "order by scope_level"
        ) }} as scopes,
    from scopes
    group by job_number
),

scope_sets as (
    select
        job_number,
        cast(dense_rank() over (
            order by scopes
        ) as integer) as scope_set,
    from scopes_of_jobs
)

select * from scope_sets
