with cells as (
    select * from {{ ref("int_cells") }}
),

known_values as (
    select * from {{ ref("int_known_values") }}
),

missing_cells as (
    select cells.*
    from cells
    where
        not exists (
            select 1 from known_values
            where
                known_values.job_id = cells.job_id
                and known_values.attribute_id = cells.attribute_id
        )
)

select * from missing_cells
