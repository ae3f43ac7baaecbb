-- Guards that a sum over the plan is no half of one: either every waiting cell has an
-- estimate of calls and tokens, or none has.
select
    count(*) as waiting_cells,
    count(estimated_calls) as with_calls,
    count(estimated_input_tokens) as with_input_tokens,
    count(estimated_output_tokens) as with_output_tokens,
    count(estimated_cost_usd) as with_cost,
from {{ ref("int_llm_imputed_attributes") }}
where outcome = 'awaiting_llm'
having
    count(estimated_calls) not in (0, count(*))
    or count(estimated_input_tokens) is distinct from count(estimated_calls)
    or count(estimated_output_tokens) is distinct from count(estimated_calls)
    or count(estimated_cost_usd) not in (0, count(estimated_calls))
