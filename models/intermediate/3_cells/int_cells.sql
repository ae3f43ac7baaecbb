-- The grid stands on inputs that were looked through: no cell is asked before.
-- depends_on: {{ ref("int_quarantined_rows") }}
-- depends_on: {{ ref("int_input_keys") }}
with jobs as (
    select job_number from {{ ref("int_jobs") }}
),

attributes as (
    select attribute_number from {{ ref("int_attributes") }}
),

cells as (
    select
        jobs.job_number,
        attributes.attribute_number,
    from jobs
    cross join attributes
)

select * from cells
