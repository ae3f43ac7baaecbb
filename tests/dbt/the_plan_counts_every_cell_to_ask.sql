-- Guards that the plan leaves nothing out: its cells of the first tier are those that
-- wait, by attribute, but for those that wait in a batch, and those whose answer is asked
-- for again; its money is the sum of theirs.
with to_ask as (
    select
        attribute_id,
        count(*) as cells,
        coalesce(sum(estimated_cost_usd), 0) as cost_usd,
    from {{ ref("int_llm_imputed_attributes") }}
    where
        estimated_calls > 0
        or (outcome = 'awaiting_llm' and estimated_calls is null)
    group by attribute_id
),

plan as (
    select
        attribute_id,
        sum(cells) as cells,
        coalesce(sum(estimated_cost_usd), 0) as cost_usd,
    from {{ ref("gold_imputation_plan") }}
    where tier = 1
    group by attribute_id
)

select
    coalesce(to_ask.attribute_id, plan.attribute_id) as attribute_id,
    to_ask.cells as cells_to_ask,
    plan.cells as planned_cells,
    to_ask.cost_usd as cost_to_ask,
    plan.cost_usd as planned_cost,
from to_ask
full outer join plan
    on to_ask.attribute_id = plan.attribute_id
where
    to_ask.cells is distinct from plan.cells
    or abs(to_ask.cost_usd - plan.cost_usd) > 0.000001
