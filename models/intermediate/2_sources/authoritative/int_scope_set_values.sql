with first_jobs as (
    select
        scope_set,
        min(job_number) as job_number,
    from {{ ref("int_scope_sets") }}
    group by scope_set
),

job_scopes as (
    select * from {{ ref("int_job_scopes") }}
    where scope_level <> 'job'
),

authoritative_values as (
    select * from {{ ref("int_authoritative_values") }}
),

inherited as (
    select
        first_jobs.scope_set,
        authoritative_values.attribute_number,
        authoritative_values.value_id,
        cast(row_number() over (
            partition by
                first_jobs.scope_set, authoritative_values.attribute_number
            order by authoritative_values.value_id
        ) as integer) as scope_rank,
    from first_jobs
    inner join job_scopes
        on first_jobs.job_number = job_scopes.job_number
    inner join authoritative_values
        on
            job_scopes.scope_level = authoritative_values.scope_level
            and job_scopes.scope_code = authoritative_values.scope_code
            and job_scopes.inheritance_level
            = authoritative_values.inheritance_level
)

select * from inherited
