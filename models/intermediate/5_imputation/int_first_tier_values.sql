-- Every answer of the model, with llm_tiers of the first one, counts, whatever its
-- confidence; a refusal or failure is none. What a better source has superseded stays a
-- candidate, which loses.
{{ config(materialized="view") }}

with {{ asked_answers(ref("int_llm_imputed_attributes")) }},

superseded_answers as (
    select
        superseded.job_number,
        superseded.attribute_number,
        superseded.value,
        superseded.confidence,
        superseded.rationale,
        superseded.model_used,
        superseded.prompt_version,
        superseded.request_id,
        superseded.imputed_at,
        superseded.dbt_invocation_id,
        cast(null as boolean) as is_stale,
        true as is_superseded,
    from {{ ref("int_superseded_answers") }} as superseded
    where
        not exists (
            select 1 from asked_answers
            where
                asked_answers.job_number = superseded.job_number
                and asked_answers.attribute_number
                = superseded.attribute_number
        )
),

answers as (
    select * from asked_answers
    union all
    select * from superseded_answers
),

source_precedence as (
    select * from {{ ref("stg_source_precedence") }}
    where source_type = 'LLM'
),

{{ values_of_answers() }}

select * from llm_values
