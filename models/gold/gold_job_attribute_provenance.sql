-- candidate_rank orders a cell's candidates: precedence, then how specific the
-- scope is, then the later release, then the dataset's name.
with candidate_values as (
    select * from {{ ref("int_candidate_values") }}
),

jobs as (
    select
        job_number,
        job_id,
    from {{ ref("int_jobs") }}
),

attributes as (
    select
        attribute_number,
        attribute_id,
    from {{ ref("int_attributes") }}
),

{{ ranked_candidates(ref("int_candidates")) }}

select
    jobs.job_id,
    attributes.attribute_id,
    cast(ranked_candidates.candidate_rank as integer) as candidate_rank,
    ranked_candidates.candidate_rank = 1 as is_winner,
    candidate_values.source_type,
    candidate_values.source_precedence,
    candidate_values.value,
    candidate_values.confidence,
    candidate_values.stated_confidence,
    candidate_values.measured_confidence,
    candidate_values.confidence_basis,
    candidate_values.value_low,
    candidate_values.value_high,
    candidate_values.dataset,
    candidate_values.dataset_release,
    candidate_values.source_record,
    candidate_values.inheritance_level,
    candidate_values.rationale,
    candidate_values.model_used,
    candidate_values.prompt_version,
    candidate_values.request_id,
    candidate_values.imputed_at,
    candidate_values.is_stale,
    candidate_values.is_superseded,
    coalesce(candidate_values.dbt_invocation_id, '{{ invocation_id }}')
        as dbt_invocation_id,
from ranked_candidates
inner join candidate_values
    on
        ranked_candidates.precedence_rank = candidate_values.precedence_rank
        and ranked_candidates.value_id = candidate_values.value_id
inner join jobs
    on ranked_candidates.job_number = jobs.job_number
inner join attributes
    on ranked_candidates.attribute_number = attributes.attribute_number
