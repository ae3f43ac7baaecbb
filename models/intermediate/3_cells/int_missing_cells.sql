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
                known_values.job_number = cells.job_number
                and known_values.attribute_number = cells.attribute_number
        )
)

select * from missing_cells
