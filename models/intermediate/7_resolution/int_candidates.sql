-- precedence_rank 1 is the source with the highest precedence; scope_rank 1 is
-- the one candidate of a source that may win its cell.
{{ config(materialized="view") }}

select * from {{ ref("int_source_candidates") }}
union all
select
    job_number,
    attribute_number,
    precedence_rank,
    scope_rank,
    value_id,
from {{ ref("int_llm_values") }}
