-- What the ids of the candidates stand for, the model's answers included: joined to
-- the cells in gold, once.
{{ config(materialized="view") }}

with source_values as (
    select
        precedence_rank,
        value_id,
        attribute_number,
        source_type,
        lower(source_type) as fill_status,
        source_precedence,
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
        cast(null as boolean) as is_superseded,
        cast(null as {{ dbt.type_string() }}) as dbt_invocation_id,
    from {{ ref("int_source_values") }}
),

llm_values as (
    select
        precedence_rank,
        value_id,
        attribute_number,
        source_type,
        lower(source_type) as fill_status,
        source_precedence,
        value,
        value_number,
        confidence,
        dataset,
        dataset_release,
        source_record,
        cast(null as {{ dbt.type_string() }}) as inheritance_level,
        rationale,
        model_used,
        prompt_version,
        request_id,
        imputed_at,
        is_stale,
        is_superseded,
        dbt_invocation_id,
    from {{ ref("int_llm_values") }}
),

all_values as (
    select * from source_values
    union all
    select * from llm_values
),

attributes as (
    select
        attribute_number,
        value_type,
    from {{ ref("int_attributes") }}
),

candidate_values as (
    select
        all_values.*,
        case when attributes.value_type = 'category' then value end
            as value_category,
        case when attributes.value_type = 'boolean' then value = 'true' end
            as value_boolean,
        case when attributes.value_type = 'text' then value end as value_text,
    from all_values
    inner join attributes
        on all_values.attribute_number = attributes.attribute_number
)

select * from candidate_values
