-- The winner of each cell: the best of what the sources say against what the model
-- says, wherever the ranked seed has the model.
with finalists as (
    select
        job_number,
        attribute_number,
        precedence_rank,
        cast(1 as integer) as scope_rank,
        value_id,
    from {{ ref("int_known_values") }}
    union all
    select
        job_number,
        attribute_number,
        precedence_rank,
        scope_rank,
        value_id,
    from {{ ref("int_llm_values") }}
),

{{ best_candidates("finalists") }}

select * from best_candidates
