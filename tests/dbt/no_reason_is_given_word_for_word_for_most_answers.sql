-- Warns of a model that gives one rationale for most answers to an attribute, or for most
-- of all its answers: it says nothing of the job. What has no rationale does not count.
{{ config(severity="warn") }}

with counted as (
    select
        attribute_number,
        model_used,
        lower(trim(rationale)) as wording,
        count(*) as answers,
    from {{ ref("int_llm_values") }}
    where trim(rationale) <> ''
    group by attribute_number, model_used, lower(trim(rationale))
),

all_counted as (
    select * from counted
    union all
    select
        cast(null as integer) as attribute_number,
        model_used,
        wording,
        sum(answers) as answers,
    from counted
    group by model_used, wording
),

shares as (
    select
        *,
        sum(answers) over (partition by attribute_number, model_used) as all_answers,
    from all_counted
)

select
    attributes.attribute_id,
    shares.model_used,
    shares.wording,
    shares.answers,
    shares.all_answers,
from shares
left join {{ ref("int_attributes") }} as attributes
    on shares.attribute_number = attributes.attribute_number
where
    shares.all_answers >= {{ var("lint_min_answers") }}
    and shares.answers >= {{ var("lint_one_rationale_share") }} * shares.all_answers
