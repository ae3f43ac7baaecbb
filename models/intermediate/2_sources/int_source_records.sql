-- Values with the text of one source record have one record number.
with source_values as (
    select * from {{ ref("int_source_values") }}
),

source_records as (
    select
        precedence_rank,
        value_id,
        source_type,
        coalesce(inheritance_level = 'job', false) as is_own,
        cast(dense_rank() over (
            order by source_record
        ) as integer) as source_record_number,
    from source_values
)

select * from source_records
