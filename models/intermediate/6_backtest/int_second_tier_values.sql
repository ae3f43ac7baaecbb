{{ config(materialized="view") }}

with jobs as (
    select
        job_id,
        job_number,
    from {{ ref("int_jobs") }}
),

attributes as (
    select
        attribute_id,
        attribute_number,
        value_type,
    from {{ ref("int_attributes") }}
),

answers as (
    select
        jobs.job_number,
        attributes.attribute_number,
        second_tier.value,
        second_tier.confidence,
        second_tier.rationale,
        second_tier.model_used,
        second_tier.prompt_version,
        second_tier.request_id,
        second_tier.imputed_at,
        second_tier.dbt_invocation_id,
        second_tier.is_stale,
        false as is_superseded,
    from {{ ref("int_second_tier_answers") }} as second_tier
    inner join jobs
        on second_tier.job_id = jobs.job_id
    inner join attributes
        on second_tier.attribute_id = attributes.attribute_id
    where second_tier.outcome = 'answered'
),

source_precedence as (
    select * from {{ ref("stg_source_precedence") }}
    where source_type = 'LLM'
),

{{ values_of_answers() }}

select * from llm_values
