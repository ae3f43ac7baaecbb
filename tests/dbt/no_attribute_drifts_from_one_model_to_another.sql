-- Warns of an attribute that two models, or two versions of the prompt, answer otherwise
-- on the whole: the means are apart by a share of the scale (of truths, of the true ones)
-- and by more than chance. The second of llm_tiers is asked of the hard cells alone, so
-- that its means say nothing.
{{ config(severity="warn") }}

with attributes as (
    select
        attribute_number,
        attribute_id,
        case when value_type = 'boolean' then 0 else scale_minimum end as lowest,
        case when value_type = 'boolean' then 1 else scale_maximum end as highest,
    from {{ ref("int_attributes") }}
),

places as (
    select
        attributes.attribute_id,
        llm_values.model_used,
        llm_values.prompt_version,
        (
            case llm_values.value
                when 'true' then 1
                when 'false' then 0
                else llm_values.value_number
            end - attributes.lowest
        ) / (attributes.highest - attributes.lowest) as place,
    from {{ ref("int_llm_values") }} as llm_values
    inner join attributes
        on llm_values.attribute_number = attributes.attribute_number
    where llm_values.tier = 1 and attributes.highest > attributes.lowest
),

means as (
    select
        attribute_id,
        model_used,
        prompt_version,
        count(*) as answers,
        avg(place) as mean,
        var_samp(place) / count(*) as variance,
    from places
    group by attribute_id, model_used, prompt_version
    having count(*) >= {{ var("lint_min_answers") }}
)

select
    one.*,
    other.model_used as other_model_used,
    other.prompt_version as other_prompt_version,
    other.answers as other_answers,
    other.mean as other_mean,
from means as one
inner join means as other
    on
        one.attribute_id = other.attribute_id
        and (one.model_used || ' ' || one.prompt_version)
        < (other.model_used || ' ' || other.prompt_version)
where
    abs(one.mean - other.mean) >= {{ var("lint_drift_share") }}
    and abs(one.mean - other.mean) > 1.959964 * sqrt(one.variance + other.variance)
