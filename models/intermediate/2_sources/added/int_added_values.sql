with source_values as (
    select * from {{ ref("int_added_source_values") }}
),

jobs as (
    select
        job_id,
        job_number,
    from {{ ref("int_jobs") }}
),

attributes as (
    select
        attribute_id,
        attribute_number,
        value_type,
    from {{ ref("int_attributes") }}
),

numbered as (
    select
        cast(row_number() over (
            order by
                source_values.source_type,
                jobs.job_number,
                attributes.attribute_number
        ) as integer) as value_id,
        source_values.source_type,
        jobs.job_number,
        attributes.attribute_number,
        source_values.value,
        case
            when attributes.value_type in ('rating', 'number')
                then {{ to_number("source_values.value") }}
        end as value_number,
        source_values.confidence,
        source_values.dataset,
        source_values.dataset_release,
        source_values.source_record,
    from source_values
    inner join jobs
        on source_values.job_id = jobs.job_id
    inner join attributes
        on source_values.attribute_id = attributes.attribute_id
)

select * from numbered
