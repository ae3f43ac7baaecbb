-- precedence_rank 1 is the source with the highest precedence; scope_rank 1 is
-- the one candidate of a source that may win its cell.
with authoritative_candidates as (
    select
        job_id,
        attribute_id,
        'AUTHORITATIVE' as source_type,
        value,
        value_number,
        confidence,
        dataset,
        dataset_release,
        source_record,
        inheritance_level,
        cast(null as {{ dbt.type_string() }}) as rationale,
        cast(null as {{ dbt.type_string() }}) as model_used,
        cast(null as {{ dbt.type_string() }}) as prompt_version,
        cast(null as {{ dbt.type_string() }}) as request_id,
        cast(null as timestamp with time zone) as imputed_at,
        cast(null as boolean) as is_stale,
        '{{ invocation_id }}' as dbt_invocation_id,
        scope_rank,
    from {{ ref("int_authoritative_values") }}
),

onet_candidates as (
    select
        job_id,
        attribute_id,
        'ONET' as source_type,
        value,
        value_number,
        confidence,
        dataset,
        dataset_release,
        source_record,
        cast(null as {{ dbt.type_string() }}) as inheritance_level,
        cast(null as {{ dbt.type_string() }}) as rationale,
        cast(null as {{ dbt.type_string() }}) as model_used,
        cast(null as {{ dbt.type_string() }}) as prompt_version,
        cast(null as {{ dbt.type_string() }}) as request_id,
        cast(null as timestamp with time zone) as imputed_at,
        cast(null as boolean) as is_stale,
        '{{ invocation_id }}' as dbt_invocation_id,
        1 as scope_rank,
    from {{ ref("int_onet_values") }}
),

llm_candidates as (
    select
        job_id,
        attribute_id,
        'LLM' as source_type,
        value,
        value_number,
        confidence,
        'LLM' as dataset,
        model_used as dataset_release,
        'request ' || coalesce(request_id, 'without an id') as source_record,
        cast(null as {{ dbt.type_string() }}) as inheritance_level,
        rationale,
        model_used,
        prompt_version,
        request_id,
        imputed_at,
        is_stale,
        dbt_invocation_id,
        1 as scope_rank,
    from {{ ref("int_llm_values") }}
),

all_candidates as (
    select * from authoritative_candidates
    union all
    select * from onet_candidates
    union all
    select * from llm_candidates
),

source_precedence as (
    select * from {{ ref("stg_source_precedence") }}
),

candidates as (
    select
        all_candidates.*,
        source_precedence.source_precedence,
        source_precedence.precedence_rank,
    from all_candidates
    inner join source_precedence
        on all_candidates.source_type = source_precedence.source_type
)

select * from candidates
