-- What is no conflict is right in the sense of gold_source_agreement. A view: the 4.6
-- million cells of the published files have 1.5 million conflicts, which as a table cost
-- each build 8 seconds of CPU, as much as the provenance; from a view one job is read in
-- 0.3 seconds and all in 5.
{{ config(materialized="view") }}

with candidates as (
    select
        job_number,
        attribute_number,
        precedence_rank,
        value_id,
    from {{ ref("int_candidates") }}
    where scope_rank = 1
),

pairs as (
    select
        candidates.*,
        others.precedence_rank as other_rank,
        others.value_id as other_value_id,
    from candidates
    inner join candidates as others
        on
            candidates.job_number = others.job_number
            and candidates.attribute_number = others.attribute_number
            and candidates.precedence_rank < others.precedence_rank
),

-- A truth may be spelt in capitals; a category is as the catalogue lists it.
candidate_values as (
    select
        *,
        case when value_boolean is null then value else lower(value) end as spelling,
    from {{ ref("int_candidate_values") }}
    where value_text is null
),

compared as (
    select
        jobs.job_id,
        attributes.attribute_id,
        attributes.attribute_name,
        attributes.domain,
        attributes.value_type,
        better.source_type,
        better.value,
        better.source_record,
        others.source_type as other_source_type,
        others.value as other_value,
        others.source_record as other_source_record,
        round(abs(better.value_number - others.value_number), 6) as difference,
        attributes.scale_maximum - attributes.scale_minimum as scale_length,
        {{ is_right(
            "others.spelling", "others.value_number",
            "better.spelling", "better.value_number", "attributes.tolerance",
        ) }} as is_alike,
    from pairs
    inner join candidate_values as better
        on
            pairs.precedence_rank = better.precedence_rank
            and pairs.value_id = better.value_id
    inner join candidate_values as others
        on
            pairs.other_rank = others.precedence_rank
            and pairs.other_value_id = others.value_id
    inner join {{ ref("int_attributes") }} as attributes
        on pairs.attribute_number = attributes.attribute_number
    inner join {{ ref("int_jobs") }} as jobs
        on pairs.job_number = jobs.job_number
)

select
    job_id,
    attribute_id,
    attribute_name,
    domain,
    value_type,
    source_type,
    value,
    source_record,
    other_source_type,
    other_value,
    other_source_record,
    difference,
    round(difference / nullif(scale_length, 0), 6) as difference_share,
from compared
where not is_alike
order by
    difference_share desc nulls last,
    difference desc nulls last,
    job_id asc,
    attribute_id asc,
    source_type asc,
    other_source_type asc
