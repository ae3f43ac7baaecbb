-- candidate_rank orders a cell's candidates: precedence, then how specific the
-- scope is, then the later release, then the dataset's name.
with candidates as (
    select * from {{ ref("int_candidates") }}
),

ranked as (
    select
        *,
        cast(row_number() over (
            partition by job_id, attribute_id
            order by precedence_rank asc, scope_rank asc
        ) as integer) as candidate_rank,
    from candidates
)

select
    job_id,
    attribute_id,
    candidate_rank,
    candidate_rank = 1 as is_winner,
    source_type,
    source_precedence,
    value,
    confidence,
    dataset,
    dataset_release,
    source_record,
    inheritance_level,
    rationale,
    model_used,
    prompt_version,
    request_id,
    imputed_at,
    is_stale,
    dbt_invocation_id,
from ranked
