with jobs as (
    select * from {{ ref("int_jobs") }}
),

unit_group_values as (
    select * from {{ ref("int_unit_group_onet_values") }}
),

onet_values as (
    select
        jobs.job_id,
        unit_group_values.attribute_id,
        unit_group_values.value,
        unit_group_values.value_number,
        unit_group_values.confidence,
        unit_group_values.dataset,
        unit_group_values.dataset_release,
        unit_group_values.source_record,
    from jobs
    inner join unit_group_values
        on jobs.unit_group = unit_group_values.unit_group
)

select * from onet_values
