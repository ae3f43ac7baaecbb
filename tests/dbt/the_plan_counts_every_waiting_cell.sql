-- Guards that the plan leaves nothing out: its cells are those that wait, by attribute,
-- and its money is the sum of theirs.
with waiting as (
    select
        attribute_id,
        count(*) as cells,
        coalesce(sum(estimated_cost_usd), 0) as cost_usd,
    from {{ ref("int_llm_imputed_attributes") }}
    where outcome = 'awaiting_llm'
    group by attribute_id
),

plan as (
    select
        attribute_id,
        sum(cells) as cells,
        coalesce(sum(estimated_cost_usd), 0) as cost_usd,
    from {{ ref("gold_imputation_plan") }}
    group by attribute_id
)

select
    coalesce(waiting.attribute_id, plan.attribute_id) as attribute_id,
    waiting.cells as waiting_cells,
    plan.cells as planned_cells,
    waiting.cost_usd as waiting_cost,
    plan.cost_usd as planned_cost,
from waiting
full outer join plan
    on waiting.attribute_id = plan.attribute_id
where
    waiting.cells is distinct from plan.cells
    or abs(waiting.cost_usd - plan.cost_usd) > 0.000001
