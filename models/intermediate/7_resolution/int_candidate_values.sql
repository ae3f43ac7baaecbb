-- What the ids of the candidates stand for, the model's answers included: joined to
-- the cells in gold, once.
{{ config(materialized="view") }}

with attributes as (
    select
        attribute_number,
        domain,
        value_type,
    from {{ ref("int_attributes") }}
),

source_agreements as (
    select * from {{ ref("int_source_agreements") }}
),

measurements as (
    select * from {{ ref("int_answer_measurements") }}
),

source_values as (
    select
        source_values.precedence_rank,
        source_values.value_id,
        source_values.attribute_number,
        source_values.source_type,
        lower(source_values.source_type) as fill_status,
        source_values.source_precedence,
        source_values.value,
        source_values.value_number,
        source_values.confidence,
        cast(null as double) as stated_confidence,
        source_agreements.measured_confidence,
        source_agreements.confidence_basis,
        cast(null as double) as value_low,
        cast(null as double) as value_high,
        source_values.dataset,
        source_values.dataset_release,
        source_values.source_record,
        source_values.inheritance_level,
        cast(null as {{ dbt.type_string() }}) as rationale,
        cast(null as {{ dbt.type_string() }}) as model_used,
        cast(null as {{ dbt.type_string() }}) as prompt_version,
        cast(null as {{ dbt.type_string() }}) as request_id,
        cast(null as timestamp with time zone) as imputed_at,
        cast(null as boolean) as is_stale,
        cast(null as boolean) as is_superseded,
        cast(null as {{ dbt.type_string() }}) as dbt_invocation_id,
    from {{ ref("int_source_values") }} as source_values
    inner join attributes
        on source_values.attribute_number = attributes.attribute_number
    left join source_agreements
        on
            source_values.source_type = source_agreements.source_type
            and source_values.inheritance_level
            is not distinct from source_agreements.inheritance_level
            and attributes.domain = source_agreements.domain
            and attributes.value_type = source_agreements.value_type
),

llm_values as (
    select
        llm_values.precedence_rank,
        llm_values.value_id,
        llm_values.attribute_number,
        llm_values.source_type,
        lower(llm_values.source_type) as fill_status,
        llm_values.source_precedence,
        llm_values.value,
        llm_values.value_number,
        measurements.measured_confidence as confidence,
        llm_values.confidence as stated_confidence,
        measurements.measured_confidence,
        measurements.confidence_basis,
        measurements.value_low,
        measurements.value_high,
        llm_values.dataset,
        llm_values.dataset_release,
        llm_values.source_record,
        cast(null as {{ dbt.type_string() }}) as inheritance_level,
        llm_values.rationale,
        llm_values.model_used,
        llm_values.prompt_version,
        llm_values.request_id,
        llm_values.imputed_at,
        llm_values.is_stale,
        llm_values.is_superseded,
        llm_values.dbt_invocation_id,
    from {{ ref("int_llm_values") }} as llm_values
    left join measurements
        on llm_values.value_id = measurements.value_id
),

all_values as (
    select * from source_values
    union all
    select * from llm_values
),

candidate_values as (
    select
        all_values.*,
        case when attributes.value_type = 'category' then all_values.value end
            as value_category,
        case when attributes.value_type = 'boolean' then all_values.value = 'true' end
            as value_boolean,
        case when attributes.value_type = 'text' then all_values.value end
            as value_text,
    from all_values
    inner join attributes
        on all_values.attribute_number = attributes.attribute_number
)

select * from candidate_values
