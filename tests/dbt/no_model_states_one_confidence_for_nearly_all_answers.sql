-- Warns of a model that is as sure of nearly all its answers: what it states tells no
-- good answer from a bad one, and the map to measured confidence has one step.
{{ config(severity="warn") }}

with counted as (
    select
        model_used,
        prompt_version,
        {{ confidence_step("confidence") }} as step,
        count(*) as answers,
    from {{ ref("int_llm_values") }}
    group by model_used, prompt_version, {{ confidence_step("confidence") }}
),

shares as (
    select
        *,
        sum(answers) over (partition by model_used, prompt_version) as all_answers,
    from counted
)

select
    model_used,
    prompt_version,
    step / 20.0 as stated_confidence,
    answers,
    all_answers,
from shares
where
    all_answers >= {{ var("lint_min_answers") }}
    and answers >= {{ var("lint_one_confidence_share") }} * all_answers
