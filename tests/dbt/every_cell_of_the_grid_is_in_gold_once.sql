-- Guards promise 1: gold has each cell of the grid exactly once and no other.
with grid as (
    select
        *,
        1 as expected_rows,
    from {{ ref("int_cells") }}
),

numbered as (
    {{ numbered_cells(ref("gold_job_attributes")) }}
),

gold as (
    select
        job_number,
        attribute_number,
        count(*) as actual_rows,
        min(job_id) as job_id,
        min(attribute_id) as attribute_id,
    from numbered
    group by job_number, attribute_number
)

select
    grid.job_number,
    grid.attribute_number,
    gold.job_id,
    gold.attribute_id,
    gold.actual_rows,
from grid
full outer join gold
    on
        grid.job_number = gold.job_number
        and grid.attribute_number = gold.attribute_number
where grid.expected_rows is distinct from gold.actual_rows
