-- Guards promise 1: gold has each cell of the grid exactly once and no other. A cell
-- that is there twice shows in its job's count.
with grid as (
    select * from {{ ref("int_cells") }}
),

gold as (
    {{ numbered_cells(ref("gold_job_attributes")) }}
),

counts as (
    select
        job_number,
        count(*) as grid_rows,
        0 as gold_rows,
    from grid
    group by job_number
    union all
    select
        job_number,
        0 as grid_rows,
        count(*) as gold_rows,
    from gold
    group by job_number
),

wrong_counts as (
    select
        job_number,
        sum(grid_rows) as grid_rows,
        sum(gold_rows) as gold_rows,
    from counts
    group by job_number
    having sum(grid_rows) <> sum(gold_rows)
),

lost_cells as (
    select
        grid.job_number,
        grid.attribute_number,
    from grid
    where
        not exists (
            select 1 from gold
            where
                gold.job_number = grid.job_number
                and gold.attribute_number = grid.attribute_number
        )
)

select
    job_number,
    cast(null as integer) as attribute_number,
    grid_rows,
    gold_rows,
from wrong_counts
union all
select
    job_number,
    attribute_number,
    1 as grid_rows,
    0 as gold_rows,
from lost_cells
