with reviewed_cells as (
    select * from {{ ref("int_reviewed_cells") }}
    where source_type = 'REVIEW'
),

own_values as (
    select
        inheritance_level,
        confidence,
    from {{ ref("inheritance_levels") }}
    where inheritance_level = 'job'
),

attributes as (
    select
        attribute_number,
        value_type,
    from {{ ref("int_attributes") }}
),

numbered as (
    select
        cast(row_number() over (
            order by reviewed_cells.job_number, reviewed_cells.attribute_number
        ) as integer) as value_id,
        reviewed_cells.job_number,
        reviewed_cells.attribute_number,
        reviewed_cells.value,
        case
            when attributes.value_type in ('rating', 'number')
                then {{ to_number("reviewed_cells.value") }}
        end as value_number,
        cast(own_values.confidence as double) as confidence,
        'Review' as dataset,
        cast(
            cast(reviewed_cells.reviewed_at as date) as {{ dbt.type_string() }}
        ) as dataset_release,
        'reviewed by ' || reviewed_cells.reviewed_by
        || coalesce(': ' || reviewed_cells.review_reason, '') as source_record,
        own_values.inheritance_level,
    from reviewed_cells
    inner join attributes
        on reviewed_cells.attribute_number = attributes.attribute_number
    cross join own_values
)

select * from numbered
