-- Guards that resolution leaves out no source that the seed ranks, wherever it ranks
-- it: each wins as many cells as it has the best candidate of.
with best as (
    select
        job_number,
        attribute_number,
        min(precedence_rank) as precedence_rank,
    from {{ ref("int_candidates") }}
    group by job_number, attribute_number
),

entitled as (
    select
        precedence_rank,
        count(*) as cells,
    from best
    group by precedence_rank
),

winning as (
    select
        precedence_rank,
        count(*) as cells,
    from {{ ref("int_resolved_cells") }}
    group by precedence_rank
)

select
    coalesce(entitled.precedence_rank, winning.precedence_rank) as precedence_rank,
    entitled.cells as cells_with_its_candidate_as_the_best,
    winning.cells as cells_won,
from entitled
full outer join winning
    on entitled.precedence_rank = winning.precedence_rank
where entitled.cells is distinct from winning.cells
