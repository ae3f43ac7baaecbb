with source as (
    select * from {{ ref("source_precedence") }}
),

renamed as (
    select
        upper(source_type) as source_type,
        cast(precedence as double) as source_precedence,
        row_number() over (
            order by precedence desc, source_type asc
        ) as precedence_rank,
        reason,
    from source
)

select * from renamed
