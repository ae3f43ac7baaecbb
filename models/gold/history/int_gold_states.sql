-- Gold in few rows: it has some thousand states for each million cells.
with gold as (
    select * from {{ ref("gold_job_attributes") }}
),

states as (
    select
        attribute_id,
        {{ state_columns("gold", "", "_after") }}
        {{ list_of("job_id") }} as job_ids,
    from gold
    group by attribute_id, {{ cell_state_columns() | join(", ") }}
)

select * from states
