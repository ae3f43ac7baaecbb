-- Cells come by number, and the texts are joined here, once.
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
    select * from {{ ref("int_attributes") }}
),

reviewed_cells as (
    select * from {{ ref("int_reviewed_cells") }}
),

all_cells as (
    select
        job_number,
        attribute_number,
        precedence_rank,
        value_id,
        null as fill_status,
        null as fill_reason,
        null as fill_reason_code,
    from {{ ref("int_resolved_cells") }}
    union all
    select
        job_number,
        attribute_number,
        null as precedence_rank,
        null as value_id,
        fill_status,
        fill_reason,
        fill_reason_code,
    from {{ ref("int_unfilled_cells") }}
),

gold as (
    select
        jobs.job_id,
        attributes.attribute_id,
        attributes.attribute_name,
        attributes.domain,
        attributes.value_type,
        candidate_values.value,
        candidate_values.value_number,
        candidate_values.value_category,
        candidate_values.value_boolean,
        candidate_values.value_text,
        coalesce(all_cells.fill_status, candidate_values.fill_status)
            as fill_status,
        all_cells.fill_reason,
        all_cells.fill_reason_code,
        candidate_values.source_type,
        candidate_values.source_precedence,
        candidate_values.dataset,
        candidate_values.dataset_release,
        candidate_values.source_record,
        candidate_values.inheritance_level,
        candidate_values.confidence,
        candidate_values.stated_confidence,
        candidate_values.measured_confidence,
        candidate_values.confidence_basis,
        candidate_values.value_low,
        candidate_values.value_high,
        candidate_values.rationale,
        candidate_values.model_used,
        candidate_values.prompt_version,
        candidate_values.request_id,
        candidate_values.imputed_at,
        candidate_values.is_stale,
        reviewed_cells.reviewed_by,
        reviewed_cells.reviewed_at,
        reviewed_cells.review_reason,
        coalesce(candidate_values.dbt_invocation_id, '{{ invocation_id }}')
            as dbt_invocation_id,
    from all_cells
    inner join jobs
        on all_cells.job_number = jobs.job_number
    inner join attributes
        on all_cells.attribute_number = attributes.attribute_number
    left join candidate_values
        on
            all_cells.precedence_rank = candidate_values.precedence_rank
            and all_cells.value_id = candidate_values.value_id
    left join reviewed_cells
        on
            all_cells.job_number = reviewed_cells.job_number
            and all_cells.attribute_number = reviewed_cells.attribute_number
            and candidate_values.source_type = reviewed_cells.source_type
            and candidate_values.value = reviewed_cells.value
)

select * from gold
