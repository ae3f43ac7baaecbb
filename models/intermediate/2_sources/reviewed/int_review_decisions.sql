-- The contract that a Python model cannot carry itself, and what of the ledger's reviews
-- can be used with today's jobs and catalogue.
with decisions as (
    select * from {{ ref("review_decisions") }}
),

withdrawn as (
    select distinct withdraws
    from decisions
    where decision = 'withdraw'
),

jobs as (
    select
        job_number,
        job_id as known_job_id,
    from {{ ref("int_jobs") }}
),

attributes as (
    select
        attribute_number,
        attribute_id as known_attribute_id,
        value_type,
        scale_minimum,
        scale_maximum,
        allowed_values,
    from {{ ref("int_attributes") }}
),

placed as (
    select
        decisions.*,
        {{ to_number("decisions.value") }} as value_number,
        jobs.*,
        attributes.*,
        withdrawn.withdraws is not null as is_withdrawn,
    from decisions
    left join jobs
        on decisions.job_id = jobs.known_job_id
    left join attributes
        on decisions.attribute_id = attributes.known_attribute_id
    left join withdrawn
        on decisions.review_id = withdrawn.withdraws
    where decisions.decision <> 'withdraw'
)

select
    review_number,
    review_id,
    export_id,
    job_id,
    attribute_id,
    job_number,
    attribute_number,
    decision,
    value,
    value_number,
    shown_value,
    shown_source,
    shown_model,
    shown_prompt_version,
    drawn,
    weight,
    reviewer,
    reason,
    decided_at,
    is_withdrawn,
    case
        when is_withdrawn then null
        when known_job_id is null then 'job_id: there is no such job any more'
        when known_attribute_id is null
            then 'attribute_id: the catalogue has no such attribute any more'
        when
            value is not null
            and {{ value_problem("value", "value_number") }} is not null
            then 'value: ' || {{ value_problem("value", "value_number") }}
    end as problem,
from placed
