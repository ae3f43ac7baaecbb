-- The first of all cells by priority, and a sample of them by chance: what is first in a
-- queue by risk says nothing of the rest.
with reviewable as (
    select * from {{ ref("int_reviewable_cells") }}
),

attributes as (
    select * from {{ ref("int_attributes") }}
),

first_cells as (
    select
        job_number,
        attribute_number,
        row_number() over (
            order by priority desc, job_number asc, attribute_number asc
        ) as queue_rank,
    from (
        select * from reviewable
        where priority is not null
        order by priority desc, job_number asc, attribute_number asc
        limit {{ var("review_queue_cells") | int }}
    )
),

random_cells as (
    select
        job_number,
        attribute_number,
        row_number() over (
            order by draw, job_number, attribute_number
        ) as random_rank,
    from (
        select * from reviewable
        order by draw, job_number, attribute_number
        limit {{ var("review_random_cells") | int }}
    )
),

counted as (
    select
        attributes.domain,
        count(*) as reviewable_in_domain,
        sum(count(*)) over () as reviewable_cells,
    from reviewable
    inner join attributes
        on reviewable.attribute_number = attributes.attribute_number
    group by attributes.domain
),

queued as (
    select
        reviewable.*,
        first_cells.queue_rank,
        random_cells.random_rank,
    from reviewable
    left join first_cells
        on
            reviewable.job_number = first_cells.job_number
            and reviewable.attribute_number = first_cells.attribute_number
    left join random_cells
        on
            reviewable.job_number = random_cells.job_number
            and reviewable.attribute_number = random_cells.attribute_number
    where first_cells.queue_rank is not null or random_cells.random_rank is not null
),

candidate_values as (
    select * from {{ ref("int_candidate_values") }}
),

jobs as (
    select * from {{ ref("int_jobs") }}
),

comparable as (
    select
        queued.job_number,
        queued.attribute_number,
        {{ dbt.listagg(
            "jobs.job_title || ': ' || candidate_values.value || ' ('"
            ~ " || " ~ relation_name("comparable_jobs.relation_rank") ~ " || ')'",
            "'; '", "order by comparable_jobs.comparable_rank"
        ) }} as comparable_values,
    from queued
    inner join {{ ref("int_comparable_jobs") }} as comparable_jobs
        on
            queued.job_number = comparable_jobs.job_number
            and queued.attribute_number = comparable_jobs.attribute_number
    inner join jobs
        on comparable_jobs.comparable_job_number = jobs.job_number
    inner join candidate_values
        on
            comparable_jobs.precedence_rank = candidate_values.precedence_rank
            and comparable_jobs.value_id = candidate_values.value_id
    group by queued.job_number, queued.attribute_number
),

others as (
    select
        queued.job_number,
        queued.attribute_number,
        {{ dbt.listagg(
            "candidate_values.source_type || ' ' || candidate_values.value || ' ('"
            ~ " || candidate_values.source_record || ')'",
            "'; '", "order by candidates.precedence_rank, candidates.scope_rank"
        ) }} as candidates,
    from queued
    inner join {{ ref("int_candidates") }} as candidates
        on
            queued.job_number = candidates.job_number
            and queued.attribute_number = candidates.attribute_number
            and (
                queued.precedence_rank <> candidates.precedence_rank
                or queued.value_id <> candidates.value_id
            )
    inner join candidate_values
        on
            candidates.precedence_rank = candidate_values.precedence_rank
            and candidates.value_id = candidate_values.value_id
    group by queued.job_number, queued.attribute_number
),

recent_changes as (
    select
        history.job_id,
        history.attribute_id,
        history.changed_at,
        history.change_reason,
        history.change_number,
        row_number() over (
            partition by history.job_id, history.attribute_id
            order by history.change_number desc
        ) as recency,
    from {{ ref("gold_cell_history") }} as history
    inner join jobs
        on history.job_id = jobs.job_id
    inner join attributes
        on history.attribute_id = attributes.attribute_id
    inner join queued
        on
            jobs.job_number = queued.job_number
            and attributes.attribute_number = queued.attribute_number
    where history.change_kind not in ('review_given', 'review_withdrawn')
),

changes as (
    select
        job_id,
        attribute_id,
        {{ dbt.listagg(
            "cast(cast(changed_at as date) as " ~ dbt.type_string()
            ~ ") || ' ' || change_reason",
            "'; '", "order by change_number"
        ) }} as history,
    from recent_changes
    where recency <= 5
    group by job_id, attribute_id
),

reviews as (
    select
        job_number,
        attribute_number,
        {{ dbt.listagg(
            "cast(cast(decided_at as date) as " ~ dbt.type_string() ~ ") || ' ' || reviewer"
            ~ " || case decision when 'cannot_say' then ' could not say'"
            ~ " when 'accept' then ' accepted ' || value"
            ~ " else ' gave ' || value end"
            ~ " || case when is_withdrawn then ' (withdrawn)' else '' end"
            ~ " || coalesce(': ' || reason, '')",
            "'; '", "order by review_number"
        ) }} as history,
    from {{ ref("int_review_decisions") }}
    group by job_number, attribute_number
)

select
    cast(queued.queue_rank as integer) as queue_rank,
    cast(queued.random_rank as integer) as random_rank,
    cast(counted.reviewable_cells as bigint) as reviewable_cells,
    counted.reviewable_in_domain,
    jobs.job_id,
    jobs.job_title,
    jobs.job_family,
    attributes.attribute_id,
    attributes.attribute_name,
    attributes.domain,
    attributes.description,
    attributes.value_type,
    attributes.scale_minimum,
    attributes.scale_maximum,
    attributes.allowed_values,
    attributes.unit,
    candidate_values.value,
    candidate_values.source_type,
    candidate_values.measured_confidence,
    candidate_values.stated_confidence,
    candidate_values.confidence_basis,
    candidate_values.value_low,
    candidate_values.value_high,
    queued.expected_error,
    queued.error_basis,
    queued.weight,
    queued.priority,
    candidate_values.rationale,
    candidate_values.model_used,
    candidate_values.prompt_version,
    comparable.comparable_values,
    others.candidates,
    nullif(
        coalesce(changes.history, '')
        || case
            when changes.history is not null and reviews.history is not null
                then '; '
            else ''
        end
        || coalesce(reviews.history, ''),
        ''
    ) as history,
from queued
inner join candidate_values
    on
        queued.precedence_rank = candidate_values.precedence_rank
        and queued.value_id = candidate_values.value_id
inner join jobs
    on queued.job_number = jobs.job_number
inner join attributes
    on queued.attribute_number = attributes.attribute_number
inner join counted
    on attributes.domain = counted.domain
left join comparable
    on
        queued.job_number = comparable.job_number
        and queued.attribute_number = comparable.attribute_number
left join others
    on
        queued.job_number = others.job_number
        and queued.attribute_number = others.attribute_number
left join reviews
    on
        queued.job_number = reviews.job_number
        and queued.attribute_number = reviews.attribute_number
left join changes
    on
        jobs.job_id = changes.job_id
        and attributes.attribute_id = changes.attribute_id
