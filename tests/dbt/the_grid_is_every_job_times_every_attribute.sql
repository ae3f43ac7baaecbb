-- Guards promise 1 at its start: no job and no attribute loses a cell.
with counted as (
    select
        (select count(*) from {{ ref("int_cells") }}) as cells,
        (select count(*) from {{ ref("int_jobs") }}) as jobs,
        (select count(*) from {{ ref("int_attributes") }}) as attributes,
)

select * from counted
where cells is distinct from jobs * attributes
