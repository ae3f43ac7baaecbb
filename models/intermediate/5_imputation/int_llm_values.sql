-- Every answer counts, whatever its confidence; a refusal or failure is none.
with answers as (
    select * from {{ ref("int_llm_imputed_attributes") }}
    where outcome = 'answered'
),

jobs as (
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

source_precedence as (
    select * from {{ ref("stg_source_precedence") }}
    where source_type = 'LLM'
),

llm_values as (
    select
        cast(source_precedence.precedence_rank as integer) as precedence_rank,
        cast(row_number() over (
            order by jobs.job_number, attributes.attribute_number
        ) as integer) as value_id,
        jobs.job_number,
        attributes.attribute_number,
        source_precedence.source_precedence,
        source_precedence.source_type,
        answers.value,
        case
            when attributes.value_type in ('rating', 'number')
                then cast(answers.value as double)
        end as value_number,
        answers.confidence,
        'LLM' as dataset,
        answers.model_used as dataset_release,
        'request ' || coalesce(answers.request_id, 'without an id')
            as source_record,
        answers.rationale,
        answers.model_used,
        answers.prompt_version,
        answers.request_id,
        answers.imputed_at,
        answers.is_stale,
        answers.dbt_invocation_id,
    from answers
    inner join jobs
        on answers.job_id = jobs.job_id
    inner join attributes
        on answers.attribute_id = attributes.attribute_id
    cross join source_precedence
)

select * from llm_values
