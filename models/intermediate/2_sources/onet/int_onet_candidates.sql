with source_precedence as (
    select precedence_rank from {{ ref("stg_source_precedence") }}
    where source_type = 'ONET'
),

jobs as (
    select * from {{ ref("int_jobs") }}
),

onet_values as (
    select * from {{ ref("int_onet_values") }}
),

candidates as (
    select
        jobs.job_number,
        onet_values.attribute_number,
        cast(source_precedence.precedence_rank as integer) as precedence_rank,
        cast(1 as integer) as scope_rank,
        onet_values.value_id,
    from jobs
    inner join onet_values
        on jobs.unit_group = onet_values.unit_group
    cross join source_precedence
)

select * from candidates
