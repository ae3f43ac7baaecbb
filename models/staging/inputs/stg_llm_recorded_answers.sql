with source as (
    select * from {{ ref("demo_llm_recorded_answers") }}
),

renamed as (
    select
        question_key,
        job_id,
        attribute_id,
        value,
        cast(confidence as double) as confidence,
        rationale,
        model_requested,
        model_used,
        prompt_version,
        request_id,
        imputed_at at time zone 'UTC' as imputed_at,
    from source
)

select * from renamed
