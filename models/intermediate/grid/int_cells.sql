with jobs as (
    select job_id from {{ ref("int_jobs") }}
),

attributes as (
    select attribute_id from {{ ref("int_attributes") }}
),

cells as (
    select
        jobs.job_id,
        attributes.attribute_id,
    from jobs
    cross join attributes
)

select * from cells
