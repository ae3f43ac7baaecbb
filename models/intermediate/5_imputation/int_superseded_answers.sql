-- What the model said of cells that a better source fills today: the last answer of
-- each. Nobody is asked; what was paid for stays to be seen.
with kept_answers as (
    select
        *,
        row_number() over (
            partition by job_id, attribute_id
            order by imputed_at desc, dbt_invocation_id asc, value asc
        ) as recency,
    from {{ ref("llm_kept_answers") }}
),

known_values as (
    select * from {{ ref("int_known_values") }}
),

source_precedence as (
    select precedence_rank from {{ ref("stg_source_precedence") }}
    where source_type = 'LLM'
),

superseded_answers as (
    select
        jobs.job_number,
        attributes.attribute_number,
        kept_answers.value,
        kept_answers.confidence,
        kept_answers.rationale,
        kept_answers.model_used,
        kept_answers.prompt_version,
        kept_answers.request_id,
        kept_answers.imputed_at,
        kept_answers.dbt_invocation_id,
    from kept_answers
    inner join {{ ref("int_jobs") }} as jobs
        on kept_answers.job_id = jobs.job_id
    inner join {{ ref("int_attributes") }} as attributes
        on kept_answers.attribute_id = attributes.attribute_id
    inner join known_values
        on
            jobs.job_number = known_values.job_number
            and attributes.attribute_number = known_values.attribute_number
    inner join source_precedence
        on known_values.precedence_rank < source_precedence.precedence_rank
    where kept_answers.recency = 1
)

select * from superseded_answers
