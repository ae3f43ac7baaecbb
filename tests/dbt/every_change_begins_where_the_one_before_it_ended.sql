-- A cell's events are one story: each begins with the value, source and status with which
-- the cell's event before it ended. An error: the history was mended by hand, or two were
-- mixed.
with history as (
    select * from {{ ref("gold_cell_history") }}
),

followed as (
    select
        *,
        lag(change_number) over cell as last_change,
        lag(value_after) over cell as last_value,
        lag(source_type_after) over cell as last_source_type,
        lag(fill_status_after) over cell as last_fill_status,
    from history
    window cell as (
        partition by job_id, attribute_id
        order by change_number
    )
)

select
    change_number,
    last_change,
    job_id,
    attribute_id,
from followed
where
    last_change is not null
    and (
        value_before is distinct from last_value
        or source_type_before is distinct from last_source_type
        or fill_status_before is distinct from last_fill_status
    )
