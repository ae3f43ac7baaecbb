-- Guards promise 1: gold has each cell of the grid exactly once and no other.
with grid as (
    select
        job_id,
        attribute_id,
        1 as expected_rows,
    from {{ ref("int_cells") }}
),

gold as (
    select
        job_id,
        attribute_id,
        count(*) as actual_rows,
    from {{ ref("gold_job_attributes") }}
    group by job_id, attribute_id
)

select
    coalesce(grid.job_id, gold.job_id) as job_id,
    coalesce(grid.attribute_id, gold.attribute_id) as attribute_id,
    gold.actual_rows,
from grid
full outer join gold
    on
        grid.job_id = gold.job_id
        and grid.attribute_id = gold.attribute_id
where grid.expected_rows is distinct from gold.actual_rows
