-- Guards promise 1 at its end: the coverage's cells are the grid's, by attribute.
with grid as (
    select
        attributes.attribute_id,
        count(*) as cells,
    from {{ ref("int_cells") }} as cells
    inner join {{ ref("int_attributes") }} as attributes
        on cells.attribute_number = attributes.attribute_number
    group by attributes.attribute_id
),

coverage as (
    select
        attribute_id,
        sum(cells) as cells,
    from {{ ref("gold_imputation_coverage") }}
    group by attribute_id
)

select
    coalesce(grid.attribute_id, coverage.attribute_id) as attribute_id,
    grid.cells as grid_cells,
    coverage.cells as coverage_cells,
from grid
full outer join coverage
    on grid.attribute_id = coverage.attribute_id
where grid.cells is distinct from coverage.cells
