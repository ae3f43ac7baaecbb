with source_precedence as (
    select * from {{ ref("stg_source_precedence") }}
),

added_values as (
    select * from {{ ref("int_added_values") }}
),

candidates as (
    select
        added_values.job_number,
        added_values.attribute_number,
        cast(source_precedence.precedence_rank as integer) as precedence_rank,
        cast(1 as integer) as scope_rank,
        added_values.value_id,
    from added_values
    inner join source_precedence
        on added_values.source_type = source_precedence.source_type
)

select * from candidates
