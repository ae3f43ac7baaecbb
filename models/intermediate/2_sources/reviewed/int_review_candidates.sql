with source_precedence as (
    select * from {{ ref("stg_source_precedence") }}
    where source_type = 'REVIEW'
),

candidates as (
    select
        review_values.job_number,
        review_values.attribute_number,
        cast(source_precedence.precedence_rank as integer) as precedence_rank,
        cast(1 as integer) as scope_rank,
        review_values.value_id,
    from {{ ref("int_review_values") }} as review_values
    cross join source_precedence
)

select * from candidates
