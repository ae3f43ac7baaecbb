-- Guards promise 1: gold has each cell of the grid exactly once and no other.
with grid as (
    select
        jobs.job_id,
        attributes.attribute_id,
        1 as expected_rows,
    from {{ ref("int_cells") }} as cells
    inner join {{ ref("int_jobs") }} as jobs
        on cells.job_number = jobs.job_number
    inner join {{ ref("int_attributes") }} as attributes
        on cells.attribute_number = attributes.attribute_number
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
