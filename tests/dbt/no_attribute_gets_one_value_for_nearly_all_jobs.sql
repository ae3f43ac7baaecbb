-- Warns of an attribute of which a model says the same for nearly all jobs: such a column
-- tells no job from another. Not where the sources say it too, of the jobs they know.
{{ config(severity="warn") }}

with counted as (
    select
        attribute_number,
        model_used,
        value,
        min(value_number) as value_number,
        count(*) as answers,
    from {{ ref("int_llm_values") }}
    group by attribute_number, model_used, value
),

shares as (
    select
        *,
        sum(answers) over (partition by attribute_number, model_used) as all_answers,
    from counted
),

suspect as (
    select * from shares
    where
        all_answers >= {{ var("lint_min_answers") }}
        and answers >= {{ var("lint_one_value_share") }} * all_answers
),

known_cells as (
    select
        suspect.attribute_number,
        suspect.model_used,
        suspect.value,
        coalesce(
            abs(source_values.value_number - suspect.value_number) < 0.5,
            source_values.value = suspect.value
        ) as is_same,
    from suspect
    inner join {{ ref("int_known_values") }} as known_values
        on suspect.attribute_number = known_values.attribute_number
    inner join {{ ref("int_source_values") }} as source_values
        on
            known_values.precedence_rank = source_values.precedence_rank
            and known_values.value_id = source_values.value_id
),

known as (
    select
        attribute_number,
        model_used,
        value,
        avg(case when is_same then 1.0 else 0.0 end) as known_share,
    from known_cells
    group by attribute_number, model_used, value
)

select
    attributes.attribute_id,
    suspect.model_used,
    suspect.value,
    suspect.answers,
    suspect.all_answers,
    known.known_share,
from suspect
inner join {{ ref("int_attributes") }} as attributes
    on suspect.attribute_number = attributes.attribute_number
left join known
    on
        suspect.attribute_number = known.attribute_number
        and suspect.model_used = known.model_used
        and suspect.value = known.value
where coalesce(known.known_share, 0) < {{ var("lint_one_value_share") }}
